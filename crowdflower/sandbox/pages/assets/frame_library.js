"use strict";
/* What forms of the hosted service expect on their page, inside the frame of a job's own script:
   jQuery as $ and through require(), storage, and names of MooTools that scripts begin with.
   What its policy cannot stop is taken away. */
(() => {
  /* No policy covers the connections of WebRTC. A frame inside this one would have the names again,
     so that it is removed before its page loads, by means that a script cannot replace. Nothing
     here sees into a shadow tree. */
  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection", "mozRTCPeerConnection", "WebTransport", "WebSocketStream", "PresentationRequest"]) delete window[name];
  delete Element.prototype.attachShadow;
  delete Element.prototype.setHTMLUnsafe;
  delete Document.parseHTMLUnsafe;
  const remove = Function.prototype.call.bind(Element.prototype.remove);
  const inner = ["iframe", "frame", "object", "embed", "fencedframe"].map((name) => document.getElementsByTagName(name));
  new MutationObserver(() => {
    for (let at = 0; at < inner.length; at += 1) while (inner[at][0]) remove(inner[at][0]);
  }).observe(document, { childList: true, subtree: true });

  const later = (run) => {                  // as there, where modules arrive after the page
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run);
    else setTimeout(run);
  };
  const modules = { jquery: jQuery, jQuery, "jquery-noconflict": jQuery };
  const require = (names, then) => {
    const wanted = [].concat(names);
    for (const name of wanted) if (!Object.hasOwn(modules, name)) console.warn(`There is no module ${name}, only jquery.`);
    if (typeof then === "function") later(() => then(...wanted.map((name) => modules[name])));
    return modules[wanted[0]];
  };
  require.config = () => require;
  window.require = window.requirejs = require;

  Window.implement = () => {};
  document.id = (each) => (typeof each === "string" ? document.getElementById(each) : each);
  window._cf_cml = { digging_gold: false };
  const none = () => console.warn("Validators of a script do not run here; use validates in the form.");
  window.CMLFormValidator = { add: none, addAllThese: none };

  /* A frame without an origin has no storage; this one lasts as long as the page. */
  for (const name of ["localStorage", "sessionStorage"]) {
    const kept = new Map();
    const storage = {
      getItem: (key) => kept.get(String(key)) ?? null,
      setItem: (key, value) => { kept.set(String(key), String(value)); },
      removeItem: (key) => { kept.delete(String(key)); },
      clear: () => kept.clear(),
      key: (at) => [...kept.keys()][at] ?? null,
      get length() { return kept.size; },
    };
    Object.defineProperty(window, name, { value: storage });
  }
})();
