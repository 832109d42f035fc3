"use strict";
(() => {
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  root.classList.add("js");

  // Theme. What the user chose is kept where the browser allows it.
  const themes = ["system", "light", "dark"];
  const redraws = [];
  let theme = "system";
  try { theme = localStorage.getItem("afreplay-theme") || theme; } catch { /* no storage here */ }
  const setTheme = (name) => {
    theme = themes.includes(name) ? name : "system";
    if (theme === "system") root.removeAttribute("data-theme"); else root.setAttribute("data-theme", theme);
    $("theme").textContent = "Theme: " + theme;
    try { localStorage.setItem("afreplay-theme", theme); } catch { /* no storage here */ }
    for (const draw of redraws) draw();
  };
  const nextTheme = () => setTheme(themes[(themes.indexOf(theme) + 1) % themes.length]);
  setTheme(theme);
  $("theme").addEventListener("click", nextTheme);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const draw of redraws) draw(); });

  // Filter and search. The text of a finding is read once, when it is first searched.
  const items = [...document.querySelectorAll("#list > li")];
  const texts = new Map();
  const textOf = (li) => {
    let text = texts.get(li);
    if (text === undefined) texts.set(li, text = li.textContent.toLowerCase());
    return text;
  };
  const value = (id) => { const el = $(id); return el ? el.value : ""; };
  const apply = () => {
    const words = value("search").toLowerCase().split(/\s+/).filter(Boolean);
    const severity = value("by-severity");
    const same = [["rule", value("by-rule")], ["driver", value("by-driver")], ["adapter", value("by-adapter")], ["state", value("by-state")]].filter((x) => x[1]);
    let shown = 0;
    for (const li of items) {
      const d = li.dataset;
      const open = d.verdict === "inconclusive";
      const ok = (!severity || (severity === "doubt" ? open : !open && d.severity === severity))
        && same.every(([k, v]) => d[k] === v)
        && (words.length === 0 || words.every((w) => textOf(li).includes(w)));
      li.hidden = !ok;
      if (ok) shown++;
    }
    $("shown").textContent = shown === items.length ? items.length + " shown" : shown + " of " + items.length + " shown";
    $("none").hidden = shown > 0;
  };
  const filter = $("filter");
  if (filter) {
    let timer = 0;
    $("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 60); });
    filter.addEventListener("change", apply);
    filter.addEventListener("submit", (e) => { e.preventDefault(); clearTimeout(timer); apply(); });
    filter.addEventListener("reset", () => setTimeout(apply));
    apply();
  }

  // An anchor leads to a finding: open it, and show it if the filter hides it.
  const go = (id, focus) => {
    const el = id && $(id);
    if (!el || el.tagName !== "DETAILS") return;
    const li = el.closest("li");
    if (li && li.hidden) { filter.reset(); li.hidden = false; }
    el.open = true;
    el.scrollIntoView({ block: "start" });
    if (focus) el.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", () => go(location.hash.slice(1), true));
  document.addEventListener("click", (e) => {
    const a = e.target instanceof Element && e.target.closest("a[href^='#']");
    if (a && a.getAttribute("href") === location.hash) go(location.hash.slice(1), true);
  });
  go(location.hash.slice(1), true);

  // Paper shows everything.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const d of opened) d.open = true;
    for (const draw of redraws) draw();
  });
  addEventListener("afterprint", () => {
    for (const d of opened) d.open = false;
    opened = [];
    for (const draw of redraws) draw();
  });

  // Keys.
  const dialog = $("keys");
  $("keys-button").addEventListener("click", () => dialog.showModal());
  const summaries = () => [...document.querySelectorAll(".items > li:not([hidden]) > details > summary")];
  const step = (by) => {
    const list = summaries();
    if (list.length === 0) return;
    const here = document.activeElement && document.activeElement.closest(".items > li");
    let at = here ? list.findIndex((s) => here.contains(s)) : -1;
    at = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, at + by));
    list[at].focus();
    list[at].scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || dialog.open) return;
    const typing = e.target instanceof Element && e.target.matches("input, select, textarea");
    if (typing) {
      if (e.key === "Escape" && e.target.id === "search") {
        if (e.target.value) { e.target.value = ""; apply(); } else e.target.blur();
        e.preventDefault();
      }
      return;
    }
    switch (e.key) {
      case "/": if (!filter) return; $("search").focus(); $("search").select(); break;
      case "j": step(1); break;
      case "k": step(-1); break;
      case "e": {
        const list = summaries().map((s) => s.parentElement);
        const open = list.some((d) => !d.open);
        for (const d of list) d.open = open;
        break;
      }
      case "t": nextTheme(); break;
      case "?": dialog.showModal(); break;
      default: return;
    }
    e.preventDefault();
  });

  // Timeline.
  const make = (name, attrs, ...children) => {
    const el = document.createElement(name);
    for (const [k, v] of Object.entries(attrs || {})) el.setAttribute(k, v);
    el.append(...children);
    return el;
  };
  const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
  const duration = (ns) => {
    for (const [unit, name] of [[3600e9, "h"], [60e9, "min"], [1e9, "s"], [1e6, "ms"], [1e3, "µs"]]) {
      if (Math.abs(ns) >= unit) return Number((ns / unit).toPrecision(4)) + " " + name;
    }
    return Number(ns.toPrecision(4)) + " ns";
  };
  const colors = () => {
    const s = getComputedStyle(root);
    const c = {};
    for (const k of ["bg", "text", "faint", "line", "strong", "bad", "doubt", "bar", "barfaint", "focus", "lost"]) c[k] = s.getPropertyValue("--" + k).trim();
    return c;
  };
  const surface = (canvas, height) => {
    const width = Math.max(20, canvas.clientWidth);
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = height + "px";
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    g.clearRect(0, 0, width, height);
    g.font = "11px system-ui, \"DejaVu Sans\", sans-serif";
    g.textBaseline = "middle";
    return [g, width];
  };
  const gutter = 104, barHeight = 8, pitch = 12, maxRows = 24;

  // bar draws one life between x positions that at() gives for times.
  const bar = (g, c, l, y, at, right) => {
    const [first, pended, ready, closing, end] = l.at;
    const stop = end >= 0 ? at(end) : right;
    const from = at(first);
    const width = Math.max(2, stop - from);
    g.fillStyle = c.barfaint;
    g.fillRect(from, y, width, barHeight);
    if (pended >= 0) {
      const to = ready >= 0 ? at(ready) : stop;
      g.fillStyle = c.doubt;
      g.fillRect(at(pended), y + barHeight - 2, Math.max(1, to - at(pended)), 2);
    }
    if (ready >= 0) {
      const to = closing >= 0 ? at(closing) : stop;
      g.fillStyle = c.bar;
      g.fillRect(at(ready), y, Math.max(2, to - at(ready)), barHeight);
    }
    if (l.failed) {
      g.strokeStyle = c.bad;
      g.lineWidth = 1.5;
      g.beginPath();
      g.moveTo(stop - 3, y + 1); g.lineTo(stop + 3, y + barHeight - 1);
      g.moveTo(stop + 3, y + 1); g.lineTo(stop - 3, y + barHeight - 1);
      g.stroke();
    }
    if (l.cut) {
      g.strokeStyle = c.doubt;
      g.lineWidth = 1;
      g.setLineDash([3, 2]);
      g.strokeRect(from - .5, y - .5, width + 1, barHeight + 1);
      g.setLineDash([]);
    }
    if (l.of) {
      g.strokeStyle = c.bad;
      g.lineWidth = 1.5;
      g.strokeRect(from - 1, y - 1, width + 2, barHeight + 2);
    }
  };

  const timeline = (t, nr, several) => {
    const view = { from: 0, to: t.span };
    const box = make("div", { class: "tl" });
    const range = make("span", { class: "range", "aria-live": "polite" });
    const button = (text, label, act) => {
      const b = make("button", { type: "button", "aria-label": label }, text);
      b.addEventListener("click", act);
      return b;
    };
    const over = make("canvas", { class: "over", role: "img", "aria-label": "Events over the whole trace; the part below is marked" });
    const charts = [];
    let pending = false;
    const draw = () => {
      if (pending) return;
      pending = true;
      requestAnimationFrame(() => { pending = false; paint(); });
    };
    const paint = () => {
      const c = colors();
      range.textContent = "+" + duration(view.from) + " to +" + duration(view.to) + " of " + duration(t.span);
      overview(c);
      for (const chart of charts) if (chart.details.open) chart.draw(c);
    };
    const show = (from, to) => {
      const least = Math.min(t.span, 100);
      const width = Math.min(t.span, Math.max(least, to - from));
      from = Math.min(Math.max(0, from), t.span - width);
      view.from = from;
      view.to = from + width;
      draw();
    };
    const zoom = (factor, at) => {
      const width = (view.to - view.from) * factor;
      const mid = at === undefined ? (view.from + view.to) / 2 : at;
      const left = (mid - view.from) / (view.to - view.from);
      show(mid - width * left, mid + width * (1 - left));
    };
    const move = (part) => { const w = (view.to - view.from) * part; show(view.from + w, view.to + w); };

    const overview = (c) => {
      const height = 44;
      const [g, width] = surface(over, height);
      const inner = width - gutter;
      const x = (at) => gutter + at / t.span * inner;
      g.fillStyle = c.faint;
      g.fillText("events", 0, height / 2);
      for (const at of t.losses) { g.fillStyle = c.doubt; g.fillRect(x(at) - 1, 0, 2, height); }
      let most = 1;
      for (const n of t.activity.bins) if (n > most) most = n;
      g.fillStyle = c.barfaint;
      t.activity.bins.forEach((n, i) => {
        if (n === 0) return;
        const left = Math.max(0, t.activity.from + i * t.activity.width), right = Math.min(t.span, t.activity.from + (i + 1) * t.activity.width);
        const h = Math.max(1, n / most * (height - 8));
        g.fillRect(x(left), height - h, Math.max(1, x(right) - x(left) - .5), h);
      });
      for (const a of t.adapters) for (const m of a.marks) { g.fillStyle = m.class === "error" ? c.bad : c.doubt; g.fillRect(x(m.at) - .5, 0, 1.5, 6); }
      g.strokeStyle = c.focus;
      g.lineWidth = 1.5;
      const left = x(view.from), right = x(view.to);
      g.strokeRect(left, .75, Math.max(2, right - left - 1), height - 1.5);
    };
    let drag = null;
    const timeAt = (e, canvas, whole) => {
      const r = canvas.getBoundingClientRect();
      const part = Math.min(1, Math.max(0, (e.clientX - r.left - gutter) / (r.width - gutter)));
      return whole ? part * t.span : view.from + part * (view.to - view.from);
    };
    over.addEventListener("pointerdown", (e) => { drag = timeAt(e, over, true); over.setPointerCapture(e.pointerId); });
    over.addEventListener("pointermove", (e) => {
      if (drag === null) return;
      const at = timeAt(e, over, true);
      if (Math.abs(at - drag) > t.span / 200) show(Math.min(at, drag), Math.max(at, drag));
    });
    over.addEventListener("pointerup", (e) => {
      const at = timeAt(e, over, true);
      if (drag !== null && Math.abs(at - drag) <= t.span / 200) { const w = view.to - view.from; show(at - w / 2, at + w / 2); }
      drag = null;
    });

    if (several) box.append(make("h3", {}, t.path));
    box.append(make("div", { class: "bar" },
      button("−", "Zoom out", () => zoom(2)), button("+", "Zoom in", () => zoom(.5)),
      button("←", "Earlier", () => move(-.25)), button("→", "Later", () => move(.25)),
      button("All", "Show the whole trace", () => show(0, t.span)), range,
      make("span", { class: "range" }, "from " + t.start)), over);

    // Lives that overlap go to different rows; what does not fit is counted.
    const lay = (kind) => {
      const ends = [];
      let off = 0;
      const placed = [];
      for (const l of kind.lives) {
        const end = l.at[4] >= 0 ? l.at[4] : t.span;
        let row = ends.findIndex((e) => e < l.at[0] || (e === l.at[0] && e < end));
        if (row < 0) row = ends.length;
        if (row >= maxRows) {
          if (!l.of) { off++; continue; }
          row = maxRows - 1;
        }
        ends[row] = Math.max(end, ends[row] || 0);
        placed.push({ l, row });
      }
      return { kind, placed, rows: Math.max(1, ends.length), off };
    };

    t.adapters.forEach((a, i) => {
      const kinds = a.kinds.map(lay);
      const total = a.kinds.reduce((n, k) => n + k.total, 0);
      const drawn = kinds.reduce((n, k) => n + k.placed.length, 0);
      const all = [];
      const details = make("details", {});
      if (i < 4) details.open = true;
      const head = make("summary", {}, a.handle ? "Adapter " : "No adapter known");
      if (a.handle) head.append(make("span", { class: "mono" }, a.handle));
      head.append(" · " + count(total) + (total === 1 ? " object" : " objects") + (drawn < total ? ", " + count(drawn) + " of them drawn" : ""));
      const canvas = make("canvas", { class: "lives", tabindex: "0", role: "application", "aria-label": "Timeline of " + (a.handle ? "adapter " + a.handle : "objects without an adapter") + ": plus and minus zoom, arrows move, n and p go through the objects" });
      const said = make("p", { class: "said", "aria-live": "polite" }, "Select an object: click it, or press n.");
      details.append(head, canvas, said);
      box.append(details);
      let top = 0;
      for (const k of kinds) {
        k.top = top + 8;
        top = k.top + Math.max(k.rows * pitch, 24) + 4;
        for (const p of k.placed) all.push({ ...p, k });
      }
      all.sort((p, q) => p.l.at[0] - q.l.at[0]);
      const height = top + 20;
      let chosen = -1;
      const chart = {
        details,
        draw: (c) => {
          const [g, width] = surface(canvas, height);
          const inner = width - gutter;
          const at = (ns) => gutter + Math.min(1.5, Math.max(-.5, (ns - view.from) / (view.to - view.from))) * inner;
          g.save();
          g.beginPath();
          g.rect(gutter, 0, inner, height);
          g.clip();
          for (const ns of t.losses) { g.fillStyle = c.lost; g.fillRect(at(ns) - 2, 0, 4, top); }
          // Lines lead from a finding to its objects, as long as they leave something to see.
          const near = a.marks.filter((m) => m.at >= view.from && m.at <= view.to);
          for (const m of near) { g.fillStyle = m.class === "error" ? c.bad : c.doubt; g.fillRect(at(m.at) - .5, 0, 1, near.length > 30 ? 6 : top); }
          for (const k of kinds) {
            for (const p of k.placed) {
              const end = p.l.at[4] >= 0 ? p.l.at[4] : t.span;
              if (end < view.from || p.l.at[0] > view.to) continue;
              bar(g, c, p.l, k.top + p.row * pitch, at, at(t.span));
            }
          }
          if (chosen >= 0) {
            const p = all[chosen];
            const end = p.l.at[4] >= 0 ? p.l.at[4] : t.span;
            g.strokeStyle = c.text;
            g.lineWidth = 1.5;
            g.strokeRect(at(p.l.at[0]) - 3, p.k.top + p.row * pitch - 3, Math.max(2, at(end) - at(p.l.at[0])) + 6, barHeight + 6);
          }
          g.restore();
          g.fillStyle = c.faint;
          for (const k of kinds) {
            g.fillStyle = c.text;
            g.fillText(k.kind.kind, 0, k.top + 5);
            g.fillStyle = c.faint;
            g.fillText(k.placed.length < k.kind.total ? count(k.placed.length) + " of " + count(k.kind.total) : count(k.kind.total), 0, k.top + 18);
            g.fillStyle = c.line;
            g.fillRect(0, k.top - 4, width, 1);
          }
          g.fillStyle = c.line;
          g.fillRect(0, top, width, 1);
          const span = view.to - view.from;
          let tick = Math.pow(10, Math.floor(Math.log10(span / 4)));
          for (const f of [5, 2]) if (span / (tick * f) >= 4) { tick *= f; break; }
          g.fillStyle = c.faint;
          g.textAlign = "center";
          for (let ns = Math.ceil(view.from / tick) * tick; ns <= view.to; ns += tick) {
            g.fillRect(at(ns), top, 1, 4);
            if (at(ns) > gutter + 25 && at(ns) < width - 25) g.fillText("+" + duration(ns), at(ns), top + 13);
          }
          g.textAlign = "start";
        },
      };
      charts.push(chart);
      const say = () => {
        const l = all[chosen].l;
        const names = ["first row", "pended", "ready", "closing", "ended"];
        let text = l.name + (l.handle ? " " + l.handle : "") + (l.af ? ", " + l.af : "") + (l.driver ? ", " + l.driver : "") + ": ";
        text += names.map((n, k) => l.at[k] >= 0 ? n + " +" + duration(l.at[k]) + " (row " + l.seq[k] + ")" : "").filter(Boolean).join(", ");
        text += "; " + (l.failed ? "it never became ready" : l.at[4] >= 0 ? "it is gone" : "alive at the end") + ", last state: " + l.state + (l.cut ? "; lost events may hide a part of it" : "") + ".";
        said.replaceChildren(text);
        for (const anchor of l.of || []) {
          const d = $(anchor);
          said.append(" ", make("a", { href: "#" + anchor }, d ? d.querySelector(".id").textContent : anchor));
        }
      };
      const choose = (n) => {
        if (all.length === 0) return;
        chosen = Math.min(all.length - 1, Math.max(0, n));
        const l = all[chosen].l;
        const end = l.at[4] >= 0 ? l.at[4] : t.span;
        if (end < view.from || l.at[0] > view.to) { const w = view.to - view.from; show(l.at[0] - w / 2, l.at[0] + w / 2); }
        say();
        draw();
      };
      let grabbed = null;
      canvas.addEventListener("pointerdown", (e) => { grabbed = { x: e.clientX, from: view.from, to: view.to, moved: false }; canvas.setPointerCapture(e.pointerId); });
      canvas.addEventListener("pointermove", (e) => {
        if (!grabbed) return;
        const by = (grabbed.x - e.clientX) / (canvas.clientWidth - gutter) * (grabbed.to - grabbed.from);
        if (Math.abs(grabbed.x - e.clientX) > 3) grabbed.moved = true;
        if (grabbed.moved) show(grabbed.from + by, grabbed.to + by);
      });
      canvas.addEventListener("pointerup", (e) => {
        const click = grabbed && !grabbed.moved;
        grabbed = null;
        if (!click) return;
        const r = canvas.getBoundingClientRect();
        const y = e.clientY - r.top, now = timeAt(e, canvas, false), slack = (view.to - view.from) * 4 / r.width;
        let best = -1, least = Infinity;
        all.forEach((p, n) => {
          const py = p.k.top + p.row * pitch;
          const end = p.l.at[4] >= 0 ? p.l.at[4] : t.span;
          if (y < py - 2 || y > py + barHeight + 2 || now < p.l.at[0] - slack || now > end + slack) return;
          if (end - p.l.at[0] < least) { least = end - p.l.at[0]; best = n; }
        });
        if (best >= 0) choose(best);
      });
      canvas.addEventListener("wheel", (e) => {
        if (!e.ctrlKey) return;
        e.preventDefault();
        zoom(e.deltaY > 0 ? 1.25 : .8, timeAt(e, canvas, false));
      }, { passive: false });
      canvas.addEventListener("keydown", (e) => {
        if (e.ctrlKey || e.metaKey || e.altKey) return;
        switch (e.key) {
          case "+": case "=": zoom(.5, chosen >= 0 ? Math.min(view.to, Math.max(view.from, all[chosen].l.at[0])) : undefined); break;
          case "-": zoom(2); break;
          case "ArrowLeft": move(-.25); break;
          case "ArrowRight": move(.25); break;
          case "0": show(0, t.span); break;
          case "n": choose(chosen + 1); break;
          case "p": choose(chosen < 0 ? 0 : chosen - 1); break;
          case "Enter": {
            const of = chosen >= 0 && all[chosen].l.of;
            if (of) go(of[0], true);
            break;
          }
          default: return;
        }
        e.preventDefault();
        e.stopPropagation();
      });
      details.addEventListener("toggle", draw);
    });
    redraws.push(paint);
    addEventListener("resize", draw);
    return [box, paint];
  };

  const legend = () => {
    const life = (at, more) => ({ at: [...at, -1], ...more });
    const list = [
      ["asked for", life([0, -1, -1, -1, 10])], ["pended", life([0, 0, -1, -1, 10])], ["in use", life([0, -1, 0, -1, 10])],
      ["closing", life([0, -1, 0, 5, 10])], ["refused or failed", life([0, -1, -1, -1, 8], { failed: true })],
      ["touched by lost events", life([0, -1, 0, -1, 10], { cut: true })], ["part of a finding", life([0, -1, 0, -1, 10], { of: [] })],
    ];
    const ul = make("ul", { class: "legend" });
    const drawers = list.map(([text, l]) => {
      const canvas = make("canvas", { "aria-hidden": "true" });
      ul.append(make("li", {}, canvas, text));
      return () => { const [g] = surface(canvas, 12); bar(g, colors(), l, 2, (x) => 3 + x * 2.8, 31); };
    });
    const paint = () => { for (const d of drawers) d(); };
    redraws.push(paint);
    return [ul, paint];
  };

  const drawing = $("drawing");
  if (drawing) {
    const traces = JSON.parse($("data").textContent);
    const [ul, paintLegend] = legend();
    drawing.append(ul);
    const start = () => {
      traces.slice(0, 20).forEach((t, i) => {
        const [box, paint] = timeline(t, i, traces.length > 1);
        drawing.append(box);
        paint();
      });
      if (traces.length > 20) drawing.append(make("p", { class: "faint" }, "… and " + (traces.length - 20) + " more traces."));
      paintLegend();
    };
    // The findings come first; the drawing is made when it comes near, or for paper.
    let begun = false;
    const once = () => { if (!begun) { begun = true; start(); } };
    new IntersectionObserver((entries, self) => {
      if (entries.some((e) => e.isIntersecting)) { self.disconnect(); once(); }
    }, { rootMargin: "600px" }).observe($("timeline"));
    addEventListener("beforeprint", once);
  }
})();
