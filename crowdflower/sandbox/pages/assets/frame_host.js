"use strict";
/* A job's own script runs in a frame without an origin. When the frame is ready, it takes the place
   of the form; what it says was answered goes into hidden fields, and this page submits them. */
(() => {
  const place = document.querySelector("[data-frame]"), form = document.querySelector("form.work");
  if (!place || !form) return;
  const rows = form.querySelector("#rows"), bar = document.querySelector(".bar");
  const button = bar.querySelector("button.primary"), count = bar.querySelector("[data-count]");
  const draft = `draft:${form.dataset.page}`;
  const send = () => HTMLFormElement.prototype.submit.call(form);
  const typed = () => new URLSearchParams(new FormData(form)).toString();
  let frame = null, token = "", ready = false, before = "", passing = null, waiting = 0;

  const post = (kind, values = {}) => frame.contentWindow?.postMessage({ token, kind, ...values }, "*");
  const keep = (text) => {
    try {
      if (text === null) localStorage.removeItem(draft); else localStorage.setItem(draft, text);
    } catch { /* nothing is kept */ }
  };
  const say = (text) => { const told = document.querySelector("#told"); if (told) told.textContent = text; };
  const hidden = (name, value) => {
    const field = document.createElement("input");
    field.type = "hidden"; field.name = name; field.value = value; field.dataset.answer = "";
    form.append(field);
    return field;
  };
  const fill = (answers) => {
    for (const each of form.querySelectorAll("[data-answer]")) each.remove();
    for (const pair of Array.isArray(answers) ? answers.slice(0, 5000) : []) {
      const [name, value] = Array.isArray(pair) ? pair : [];
      if (/^u\d{1,18}\[/.test(name) && typeof value === "string") hidden(name, value);
    }
  };

  const open = (press) => {
    frame?.remove();
    ready = false;
    token = [...crypto.getRandomValues(new Uint32Array(4))].map((each) => each.toString(36)).join("-");
    frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts");
    frame.name = `frame-${token}`;
    frame.title = place.dataset.title;
    frame.className = "job-frame";
    frame.hidden = !press;
    place.append(frame);
    before = typed();
    const extra = [hidden("channel", token)];
    if (press) extra.push(hidden(press.name, press.value));
    form.action = place.dataset.frame;
    form.target = frame.name;
    send();
    form.removeAttribute("action");
    form.removeAttribute("target");
    for (const each of extra) each.remove();
  };
  const start = () => {
    if (rows.isConnected && typed() !== before) { open(); return; }   // typed while it was loading
    ready = true;
    const inside = rows.contains(document.activeElement);
    const errors = rows.isConnected ? [...document.querySelectorAll('.alert a[href^="#u"]')]
      .map((link) => [link.hash.slice(1), link.parentNode.textContent.trim().slice(link.textContent.length).replace(/^[:\s]+/, "")]) : [];
    rows.remove();
    frame.hidden = false;
    if (inside) frame.focus();
    post("start", { errors });
  };

  addEventListener("message", ({ source, data }) => {
    if (source !== frame?.contentWindow || data?.token !== token) return;
    if (data.kind === "ready" && !ready) { start(); return; }
    if (!ready) return;
    if (data.kind === "height") frame.height = Math.min(Math.max(Number(data.height) || 0, 50), 50000);
    else if (data.kind === "state") {
      fill(data.answers);
      const line = bar.querySelector("progress");
      line.max = Number(data.all) || 1; line.value = Number(data.done) || 0;
      line.classList.toggle("done", line.value === line.max);
      count.textContent = String(data.text).slice(0, 100);
      button.disabled = data.blocked === true;
      keep(JSON.stringify([...form.querySelectorAll("[data-answer]")].map((each) => [each.name, each.value])));
    } else if (data.kind === "submit") {
      clearTimeout(waiting);
      fill(data.answers);
      keep(null);
      send();
    } else if (data.kind === "act" && passing) {
      clearTimeout(waiting);
      fill(data.answers);
      form.requestSubmit(passing);
    } else if (data.kind === "press" && (data.name === "more" || data.name === "fewer")) {
      fill(data.answers);
      open({ name: data.name, value: String(data.value) });
    } else if (data.kind === "leave") button.focus();
    else if (data.kind === "missing") { clearTimeout(waiting); frame.focus(); }
  });

  document.addEventListener("submit", (event) => {
    const by = event.submitter;
    if (event.target !== form || !ready || by?.name === "give_up" || (passing && by === passing)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    passing = by?.name ? by : null;
    clearTimeout(waiting);
    waiting = setTimeout(() => say(place.dataset.silent), 5000);
    post("ask", { act: by?.name || "submit" });
  }, true);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('[data-count], .alert a[href^="#u"]');
    if (!link || !ready) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    frame.focus();
    post(link === count ? "gap" : "show", { anchor: link.hash.slice(1) });
  }, true);
  open();
})();
