"use strict";
/* Makes the pages quicker to use. Everything on them also works without it. */
(() => {
  const root = document.documentElement;
  const one = (css, from = document) => from.querySelector(css);
  const all = (css, from = document) => [...from.querySelectorAll(css)];
  const tell = (text) => { const box = one("#told"); if (box) { box.textContent = ""; setTimeout(() => { box.textContent = text; }, 60); } };
  const kept = (key, value) => {           // storage may be switched off: then nothing is kept
    try {
      if (value === undefined) return localStorage.getItem(key);
      if (value === null) localStorage.removeItem(key); else localStorage.setItem(key, value);
    } catch { /* nothing is kept */ }
    return null;
  };
  root.classList.add("js");

  one(".tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

  /* Menus: one open at a time; Escape and a click elsewhere close them. */
  document.addEventListener("click", (event) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && one("details.menu[open]");
    if (menu) { menu.open = false; one("summary", menu).focus(); }
  });

  /* Dialogs, and pictures that are enlarged in one. */
  for (const button of all("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
  for (const box of all("[data-all]")) {
    const boxes = () => all(`input[name="${box.dataset.all}"]`);
    const show = () => {
      const some = boxes().filter((each) => each.checked).length;
      box.checked = some > 0 && some === boxes().length;
      box.indeterminate = some > 0 && !box.checked;
      const count = one("[data-chosen]");
      if (count) count.textContent = count.dataset.chosen.replace("{number}", some);
    };
    box.addEventListener("change", () => { for (const each of boxes()) each.checked = box.checked; show(); });
    for (const each of boxes()) each.addEventListener("change", show);
  }
  for (const field of all("select[data-go]")) field.addEventListener("change", () => field.form.requestSubmit());
  for (const button of all("[data-copy]")) button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(one(button.dataset.copy).textContent.trim()); tell(one("#told").dataset.copied); }
    catch { tell(one("#told").dataset.notCopied); }
  });
  for (const link of all("a.zoom")) link.addEventListener("click", (event) => {
    const view = one("#view");
    if (!view?.showModal) return;
    event.preventDefault();
    const image = one("img", view);
    image.src = link.href;
    image.alt = one("img", link).alt;
    view.showModal();
  });
  for (const drop of all(".drop")) {
    const over = (on) => (event) => { event.preventDefault(); drop.classList.toggle("over", on); };
    for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, over(true));
    for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, over(false));
    drop.addEventListener("drop", (event) => { one("input[type=file]", drop).files = event.dataTransfer.files; });
  }

  /* Figures that change while one looks: the same page is fetched again, marked parts replaced. */
  const live = Number(one("[data-refresh]")?.dataset.refresh);
  if (live) setInterval(async () => {
    if (document.hidden || one("details.menu[open], dialog[open]")) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of all("[data-live]")) {
        const fresh = page.getElementById(part.id);
        if (!fresh || part.contains(document.activeElement)) continue;
        const opened = all("details", part).map((each) => each.open);
        all("details", fresh).forEach((each, at) => { each.open = opened[at]; });
        part.replaceWith(document.adoptNode(fresh));
      }
    } catch { /* tried again later */ }
  }, live * 1000);

  /* The editor of a form: line numbers; preview and problems a moment after the last key. */
  const code = one(".code textarea");
  if (code) {
    const gutter = one(".code pre");
    const preview = () => {             // into a new frame: Back leaves the page, not a preview
      const frame = one("iframe[name=preview]"), fresh = frame.cloneNode();
      fresh.removeAttribute("src");
      frame.replaceWith(fresh);
      one("[data-preview]").click();
    };
    let wrong = JSON.parse(code.dataset.lines), wait;
    const number = () => gutter.replaceChildren(...code.value.split("\n").map((_, at) => {
      const line = document.createElement("b");
      line.textContent = at + 1;
      if (wrong[at + 1]) line.className = wrong[at + 1];
      return line;
    }));
    const check = async () => {
      const sent = new FormData(code.form);
      sent.set("do", "check");
      try {
        const answer = await fetch(code.dataset.check, { method: "POST", body: sent });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("problems"), same = page.querySelector(".code textarea");
        if (!same || sent.get("cml") !== code.value) return;     // typed on meanwhile
        one("#problems").replaceWith(document.adoptNode(fresh));
        wrong = JSON.parse(same.dataset.lines);
        number();
      } catch { /* checked again after the next key, and when it is saved */ }
    };
    code.addEventListener("input", () => {
      number(); clearTimeout(wait);
      wait = setTimeout(() => { preview(); check(); }, 600);
    });
    for (const field of all("[data-show]")) field.addEventListener("change", preview);
    for (const chip of all("button[data-put]")) chip.addEventListener("click", () => {
      code.focus(); code.setRangeText(chip.dataset.put, code.selectionStart, code.selectionEnd, "end");
      code.dispatchEvent(new Event("input"));
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a[data-line]");
      if (!link) return;
      event.preventDefault();
      const lines = code.value.split("\n"), at = Math.min(link.dataset.line, lines.length) - 1;
      const from = lines.slice(0, at).join("\n").length + (at ? 1 : 0);
      code.focus(); code.setSelectionRange(from, from + lines[at].length);
    });
    number();
  }

  /* A page of rows to answer. */
  const form = one("form.work");
  if (!form) return;
  const texts = JSON.parse(form.dataset.texts);       // in the language of the page
  const text = (name, values = {}) => texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const questions = () => all(".q", form).filter((each) => !each.closest("[hidden]"));
  const inputs = (question) => all("input:not([type=hidden]), select, textarea", question);
  const values = (question) => inputs(question)
    .filter((each) => !/radio|checkbox/.test(each.type) || each.checked)
    .map((each) => each.value.trim()).filter(Boolean);

  /* only-if: ["all"|"any", …], ["not", …], ["answered", name], ["chosen", name, value] */
  const holds = ([kind, ...rest], task) => {
    if (kind === "all") return rest.every((each) => holds(each, task));
    if (kind === "any") return rest.some((each) => holds(each, task));
    if (kind === "not") return !holds(rest[0], task);
    const given = all(".q", task)
      .filter((each) => each.dataset.name === rest[0] && !each.hidden).flatMap(values);
    return kind === "answered" ? given.length > 0 : given.includes(rest[1]);
  };

  const bar = one(".bar"), left = one("[data-left]"), draft = `draft:${form.dataset.page}`;
  const missing = () => questions().filter((each) => each.dataset.required && !values(each).length);
  const show = () => {
    for (const task of all(".task", form)) {
      for (let turn = 0, changed = true; changed && turn < 20; turn += 1) {
        changed = false;
        for (const each of all("[data-only-if]", task)) {
          const hide = !holds(JSON.parse(each.dataset.onlyIf), task);
          if (each.hidden !== hide) { each.hidden = hide; changed = true; }
        }
      }
      const open = all(".q[data-required]", task).filter((each) => !each.hidden && !values(each).length);
      for (const group of all(".group", task)) group.hidden = all(".q", group).every((each) => each.hidden);
      const ok = one(".ok", task);
      if (ok) ok.hidden = open.length > 0 || Boolean(one(".err", task));
    }
    const asked = questions().filter((each) => each.dataset.required), open = missing();
    const count = one("[data-count]", bar);
    count.textContent = text("count", { done: asked.length - open.length, all: asked.length });
    const line = one("progress", bar);
    line.max = asked.length || 1; line.value = asked.length - open.length;
    line.classList.toggle("done", !open.length);
  };
  const active = () => document.activeElement?.closest?.(".q:not([hidden])");
  const go = (question) => {
    if (!question) { one("button.primary", bar).focus(); return; }
    const fields = inputs(question);
    (fields.find((each) => each.checked) || fields[0])?.focus({ preventScroll: true });
    question.scrollIntoView({ block: "center" });
  };
  const step = (by) => { const list = questions(), at = list.indexOf(active()); go(at < 0 ? list[0] : list[at + by] || (by > 0 ? null : list[0])); };

  form.addEventListener("focusin", () => {
    for (const each of all(".q.on", form)) each.classList.remove("on");
    active()?.classList.add("on");
  });
  const keep = () => {
    const given = new FormData(form), pairs = [];
    for (const [name, value] of given) if (/^u\d+\[/.test(name) && value) pairs.push([name, value]);
    kept(draft, JSON.stringify(pairs));
  };
  form.addEventListener("input", (event) => {
    const question = event.target.closest(".q");
    for (const each of question ? all(".err, [aria-invalid]", question) : []) {  // about the old answer
      if (each.matches(".err")) each.remove(); else each.removeAttribute("aria-invalid");
    }
    show(); keep();
  });
  form.addEventListener("submit", (event) => {
    const by = event.submitter;
    if (by?.name || form.dataset.sure) { kept(draft, null); return; }
    const open = missing();
    if (!open.length) { kept(draft, null); return; }
    event.preventDefault();
    tell(text("missing", { number: open.length }));
    go(open[0]);
  });
  one("[data-count]", bar)?.addEventListener("click", (event) => { event.preventDefault(); go(missing()[0]); });
  try {                                     // what was answered before the page was loaded again
    if (!form.dataset.given) for (const [name, value] of JSON.parse(kept(draft)) || [])
      for (const each of form.elements) if (each.name === name) {
        if (/radio|checkbox/.test(each.type)) each.checked ||= each.value === value; else each.value ||= value;
      }
  } catch { /* an old draft of another shape */ }
  show();

  /* Keys. Letters and digits alone can be switched off (WCAG 2.1.4). */
  const help = one("#keys");
  let on = kept("keys") !== "off";
  const mark = () => { root.classList.toggle("keys-off", !on); const box = one("#keys-on"); if (box) box.checked = on; };
  one("#keys-on")?.addEventListener("change", (event) => { on = event.target.checked; kept("keys", on ? "on" : "off"); mark(); });
  mark();
  for (const button of all("[data-keys]")) button.addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    const key = event.key, field = document.activeElement;
    if (one("dialog[open]") || event.altKey || event.isComposing) return;
    if (key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(one("button.primary", bar)); return; }
    if (event.ctrlKey || event.metaKey || !on) return;
    if (field?.matches("textarea, select, audio, video, input:not([type=radio]):not([type=checkbox])")) return;
    if (key === "?") { event.preventDefault(); help?.showModal(); return; }
    if (key === "j" || key === "k") { event.preventDefault(); step(key === "j" ? 1 : -1); return; }
    if (!/^[0-9]$/.test(key)) return;
    const question = active() || missing()[0];
    if (!question) return;
    const options = inputs(question).filter((each) => /radio|checkbox/.test(each.type));
    if (!options.length) return;
    event.preventDefault();
    if (key === "0") { for (const each of options) each.checked = false; options[0].focus(); }
    else {
      const each = options[key - 1];
      if (!each) return;
      each.checked = each.type === "radio" || !each.checked;
      each.focus();
    }
    question.dispatchEvent(new Event("input", { bubbles: true }));
    if (key !== "0" && options[0].type === "radio") step(1);
  });

  /* Time that is left: quiet, then announced at five minutes and at one. */
  if (left) {
    const until = Date.now() + left.dataset.left * 1000;
    const tick = () => {
      const rest = Math.max(0, Math.round((until - Date.now()) / 1000));
      left.textContent = rest ? text("left", { time: `${Math.floor(rest / 60)}:${String(rest % 60).padStart(2, "0")}` }) : text("over");
      left.classList.toggle("warn", rest <= 300);
      const more = one("[data-more-time]");
      if (more) more.hidden = rest > 300;
      if (rest === 300 || rest === 60) tell(text("warning", { minutes: rest / 60 }));
      if (!rest) { tell(text("end")); clearInterval(clock); }
    };
    const clock = setInterval(tick, 1000);
    tick();
  }
})();
