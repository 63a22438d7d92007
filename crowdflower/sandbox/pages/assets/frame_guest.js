"use strict";
/* The rows in the frame of a job's own script: gives them the classes that scripts look for, and
   tells the page around the frame what was answered. The page submits. */
(() => {
  const host = window.parent, form = document.querySelector("form.work");
  const token = document.body.dataset.channel;
  const submit = document.querySelector(".bar .submit"), count = document.querySelector("[data-count]");
  const progress = document.querySelector(".bar progress");
  delete document.body.dataset.channel;
  const post = (kind, values = {}) => host.postMessage({ token, kind, ...values }, "*");
  const answers = () => [...new FormData(form)]
    .filter(([name, value]) => /^u\d+\[/.test(name) && typeof value === "string");

  for (const task of form.querySelectorAll(".task")) {
    const hooks = JSON.parse(task.dataset.hooks);
    for (const each of task.querySelectorAll("[name]")) {
      const [kind, classes] = hooks[/^u\d+\[([^]*)\]$/.exec(each.name)?.[1]] || [];
      if (!kind) continue;
      each.classList.add(...classes);
      const question = each.closest(".q"), label = each.closest("label");
      question?.classList.add("cml_field", kind);
      if (label) label.classList.add("cml_row");
      else if (question) {
        const row = document.createElement("div");
        row.className = "cml_row";
        each.replaceWith(row);
        row.append(each);
      }
    }
  }

  const attempt = () => {
    const event = new SubmitEvent("submit", { bubbles: true, cancelable: true });
    if (!submit.disabled && form.dispatchEvent(event)) post("submit", { answers: answers() });
    else post("missing");
  };
  form.submit = form.requestSubmit = attempt;     // the frame itself may send nothing
  submit.focus = () => post("leave");
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button, input[type=submit], input[type=image]");
    if (!button || button.type === "button" || button.type === "reset" || event.defaultPrevented) return;
    event.preventDefault();
    if (button.name === "more" || button.name === "fewer") post("press", { name: button.name, value: button.value, answers: answers() });
    else attempt();
  });
  document.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    if (event.key !== "Enter" || !plain || event.defaultPrevented) return;
    if (!event.target.matches?.("input:not([type=submit], [type=button], [type=image], [type=reset])")) return;
    event.preventDefault();
    attempt();
  });

  /* Scripts change fields without an event, so that what was answered is also looked at. */
  let last = "";
  let known = "";
  const tell = () => {
    const given = JSON.stringify(answers());
    if (given !== known) { known = given; form.dispatchEvent(new Event("input")); }
    const state = { answers: answers(), done: progress.value, all: progress.max, text: count.textContent, blocked: submit.disabled };
    const now = JSON.stringify(state);
    if (now !== last) post("state", state);
    last = now;
  };
  document.addEventListener("input", () => setTimeout(tell));
  document.addEventListener("change", () => setTimeout(tell));

  addEventListener("message", ({ source, data }) => {
    if (source !== host || data?.token !== token) return;
    if (data.kind === "start") {
      for (const [anchor, text] of data.errors) {
        const question = document.getElementById(anchor)?.closest(".q");
        if (!question) continue;
        const error = document.createElement("p");
        error.className = "err";
        error.textContent = text;
        question.querySelector("label, legend")?.after(error);
      }
      setInterval(tell, 500);
      tell();
    } else if (data.kind === "ask") {
      if (data.act === "submit") attempt(); else post("act", { answers: answers() });
    } else if (data.kind === "gap") count.click();
    else if (data.kind === "show") {
      const field = document.getElementById(data.anchor);
      field?.focus();
      field?.scrollIntoView({ block: "center" });
    }
  });
  const measure = () => post("height", { height: Math.ceil(document.body.getBoundingClientRect().height) });
  new ResizeObserver(measure).observe(document.body);
  document.addEventListener("DOMContentLoaded", () => setTimeout(() => post("ready")));
})();
