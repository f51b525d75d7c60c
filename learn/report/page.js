"use strict";
(() => {
  const one = (id) => document.getElementById(id);
  const root = document.documentElement;

  // Dark and light: the system's choice until one is made here.
  const theme = one("theme"), dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("clarity-theme"); } catch { return null; } };
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  const label = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.setAttribute("aria-label", "Show the page " + (isDark() ? "light" : "dark")); };
  if (["dark", "light"].includes(stored())) root.dataset.theme = stored();
  theme.hidden = false;
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("clarity-theme", root.dataset.theme); } catch { /* a file may have no storage */ }
    label();
  });
  dark.addEventListener("change", label);
  label();

  // The panel shows the details of what is pointed at or has the focus.
  const panel = one("panel"), says = one("says");
  let marked = null;
  const show = (title, detail, mark) => {
    hide();
    const h = document.createElement("h2");
    h.textContent = title;
    const body = detail.cloneNode(true);
    body.querySelectorAll("[id]").forEach((e) => e.removeAttribute("id"));
    says.replaceChildren(h, body);
    panel.hidden = false;
    root.classList.add("open");
    if (mark) { mark.classList.add("on"); marked = mark; }
  };
  const hide = () => {
    panel.hidden = true;
    root.classList.remove("open");
    if (marked) marked.classList.remove("on");
    marked = null;
  };
  one("close").addEventListener("click", hide);
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    if (!panel.hidden) { hide(); return; }
    const open = document.activeElement && document.activeElement.closest("details[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });

  // Lists are one stop of the Tab key; arrows, Home and End move in them.
  const roving = (items, previous, next) => {
    const seen = () => items().filter((i) => !i.closest("[hidden]"));
    const enter = (i) => { items().forEach((o) => { o.setAttribute("tabindex", o === i ? "0" : "-1"); }); };
    const reset = () => { const s = seen(); if (s.length && !s.some((i) => i.getAttribute("tabindex") === "0")) enter(s[0]); };
    items().forEach((i, n) => {
      i.setAttribute("tabindex", n === 0 ? "0" : "-1");
      i.addEventListener("focus", () => enter(i));
      i.addEventListener("keydown", (e) => {
        const s = seen(), at = s.indexOf(i);
        const to = previous.includes(e.key) ? s[at - 1] : next.includes(e.key) ? s[at + 1] : e.key === "Home" ? s[0] : e.key === "End" ? s[s.length - 1] : null;
        if (to) { e.preventDefault(); to.focus(); }
      });
    });
    return reset;
  };
  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);
  const explain = (el, title, detail, mark, inline) => {
    const tell = () => { if (!inline || !inline.open) show(title, detail, mark); };
    el.addEventListener("pointerenter", (e) => { if (e.pointerType === "mouse") tell(); });
    el.addEventListener("focus", () => { if (el.matches(":focus-visible")) tell(); });
  };

  const list = one("rows");
  const rows = [...list.children];
  const summaries = () => [...list.children].map((r) => r.querySelector("summary"));
  rows.forEach((r) => {
    const d = r.querySelector("details"), s = r.querySelector("summary");
    explain(s, r.dataset.name, r.querySelector(".detail"), null, d);
    s.addEventListener("click", hide); // it opens in its place, or closes
  });
  const resetRows = roving(summaries, ["ArrowUp"], ["ArrowDown"]);

  const filter = one("filter"), sort = one("sort"), only = one("only"), shown = one("shown");
  const arrange = () => {
    const want = filter.value.trim().toLowerCase(), by = sort.value;
    const value = (r) => Number(r.dataset[by]);
    const compare = by === "name" ? (a, b) => a.dataset.name.localeCompare(b.dataset.name)
      : by === "begun" ? (a, b) => value(a) - value(b) : (a, b) => value(b) - value(a);
    let n = 0;
    rows.forEach((r) => {
      r.hidden = !r.dataset.name.toLowerCase().includes(want) || only.checked && !r.classList.contains("critical");
      if (!r.hidden) n++;
    });
    list.append(...[...rows].sort(compare));
    shown.textContent = n + " of " + rows.length + " rows";
    if (summaries().some((s) => s.getAttribute("tabindex") === "0" && s.closest("[hidden]"))) summaries().forEach((s) => s.setAttribute("tabindex", "-1"));
    resetRows();
  };
  each(".controls", (c) => { c.hidden = false; });
  filter.addEventListener("input", arrange);
  sort.addEventListener("change", arrange);
  only.addEventListener("change", arrange);
  arrange();

  // Edges of the drawing show what the list below says of them.
  const edges = [...document.querySelectorAll("#drawing .edge")];
  edges.forEach((a) => {
    const entry = document.querySelector(a.getAttribute("href"));
    explain(a, a.getAttribute("aria-label"), entry.querySelector(".detail"), a, null);
    a.addEventListener("click", (e) => { e.preventDefault(); show(a.getAttribute("aria-label"), entry.querySelector(".detail"), a); });
  });
  roving(() => edges, ["ArrowUp", "ArrowLeft"], ["ArrowDown", "ArrowRight"]);
  const entries = [...document.querySelectorAll("#edges summary")];
  entries.forEach((s) => s.addEventListener("click", hide));
  roving(() => entries, ["ArrowUp"], ["ArrowDown"]);

  // A link to a row or an edge opens it, whatever the filter says.
  const target = () => {
    const r = /^#[ue]\d+$/.test(location.hash) && document.querySelector(location.hash);
    if (!r) return;
    if (r.hidden) { filter.value = ""; only.checked = false; arrange(); }
    r.querySelector("details").open = true;
    r.querySelector("summary").focus();
    hide();
  };
  addEventListener("hashchange", target);
  document.addEventListener("click", (e) => { // no change of the hash
    const a = e.target.closest("a[href]");
    if (a instanceof HTMLAnchorElement && a.hash && a.hash === location.hash) target();
  });
  target();

  // On paper nothing can be opened.
  let opened = [];
  addEventListener("beforeprint", () => { opened = [...document.querySelectorAll("details:not([open])")]; opened.forEach((d) => { d.open = true; }); });
  addEventListener("afterprint", () => { opened.forEach((d) => { d.open = false; }); });
})();
