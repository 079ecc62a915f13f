"use strict";
(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const FEW = 24, MANY_CLIPS = 100, UNKNOWN = 255;
  const $ = (id) => document.getElementById(id);

  /** An element; text goes in as text, never as markup. */
  function make(tag, properties, ...children) {
    const { data = {}, style, ...rest } = properties || {};
    const node = Object.assign(document.createElement(tag), rest);
    Object.assign(node.dataset, data);
    if (style) node.style.cssText = style;
    node.append(...children);
    return node;
  }

  // theme: what the system prefers, until the switch is used
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("serbench-theme"); } catch { /* no storage for this page */ }
  const paint = () => { root.dataset.theme = chosen || (dark.matches ? "dark" : "light"); };
  dark.addEventListener("change", paint);
  $("theme").addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("serbench-theme", chosen); } catch { /* as above */ }
    paint();
  });
  paint();

  // tables: sorted by a click on a heading
  function value(row, column) {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    const number = Number.parseFloat(text);
    return { text, number: Number.isNaN(number) ? -Infinity : number };
  }
  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (head.dataset.sort === "no") return;
      const numeric = head.classList.contains("n");
      const button = make("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const up = before ? before === "descending" : !numeric;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const body = table.tBodies[0];
        const keyed = [...body.rows].map((row) => [value(row, column), row]);
        keyed.sort(([a], [b]) => (up ? 1 : -1) * (numeric ? a.number - b.number : a.text.localeCompare(b.text, "en")));
        body.append(...keyed.map(([, row]) => row));
      });
    });
  }
  document.querySelectorAll("table.sortable").forEach(sortable);

  // matrices: clean test audio first, `majority` last
  const rank = (k) => 2 * (page.scores[k].condition !== "clean") + (page.scores[k].model === "majority");
  const order = page.scores.map((_, k) => k).sort((a, b) => rank(a) - rank(b) || a - b);
  let wanted = order;

  // filters
  const form = $("filters");
  const names = ["protocol", "test", "model", "condition"];
  for (const name of names) {
    const values = new Set(page.scores.map((score) => score[name]));
    document.querySelectorAll(`[data-${name}]`).forEach((node) => values.add(node.dataset[name]));
    for (const text of [...values].sort((a, b) => a.localeCompare(b, "en"))) form[name].append(make("option", { value: text }, text));
  }
  /** Whether facts agree with what is chosen; facts that a thing lacks do not hide it. */
  const fits = (facts) => names.every((name) => !form[name].value || facts[name] === undefined || facts[name] === form[name].value);
  function filter() {
    const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const holds = (text) => words.every((word) => text.toLowerCase().includes(word));
    let lines = 0, shown = 0;
    document.querySelectorAll("main [data-protocol], main [data-model]").forEach((node) => { if (!node.closest("#confusions")) node.hidden = !fits(node.dataset); });
    document.querySelectorAll("main section:not(#overview, #confusions) tbody tr").forEach((row) => {
      const board = row.closest(".board");
      const text = row.textContent + (board ? board.querySelector("h3").textContent : "");
      row.hidden = !fits(row.dataset) || !holds(text);
      lines += 1;
      shown += !row.hidden && !(board && board.hidden);
    });
    document.querySelectorAll(".board").forEach((board) => { if (![...board.querySelectorAll("tbody tr")].some((row) => !row.hidden)) board.hidden = true; });
    $("shown").textContent = shown < lines ? `${shown} of ${lines} lines` : "";
    wanted = order.filter((k) => fits(page.scores[k]) && holds(`${page.scores[k].model} ${page.scores[k].under} ${page.scores[k].where}`));
    limit = FEW;
    grids();
  }

  // confusion matrices
  let limit = FEW;
  function grids() {
    $("grids").replaceChildren(...wanted.slice(0, limit).map(grid));
    if (!wanted.length) $("grids").append(make("p", { className: "none" }, page.scores.length ? "No score fits the filters." : "No cell is finished yet."));
    $("more").hidden = wanted.length <= limit;
    $("more").textContent = `show ${Math.min(FEW, wanted.length - limit)} more of ${wanted.length}`;
  }
  function grid(k) {
    const s = page.scores[k];
    const head = make("tr", null, make("th", null, "true \\ predicted"), ...s.classes.map((name) => make("th", { scope: "col" }, name)));
    const rows = s.counts.map((counts, i) => {
      const n = counts.reduce((a, b) => a + b, 0);
      const name = make("th", { scope: "row", className: "r" }, `${s.classes[i]} (${n})`);
      if (!n) return make("tr", null, name, make("td", { className: "e", colSpan: counts.length }, "no test rows"));
      return make("tr", null, name, ...counts.map((count, j) => make("td", null, cell(k, i, j, count, n))));
    });
    const part = s.part[0] < s.part[1] ? `, ${s.part[0]} of ${s.part[1]} cells` : "";
    const facts = `UAR ${s.uar} %, chance ${s.chance} %, n = ${s.n} utterances of ${s.speakers || "unknown"} speakers, ${s.runs} ${s.runs > 1 ? "runs" : "run"}${part}`;
    const leaks = s.leaks.map((leak) => make("p", { className: "leak" }, make("b", null, "LEAK"), `: ${leak}.`));
    return make("div", { className: "cm", id: `matrix-${k}` }, make("h3", null, `${s.model}, ${s.where}${s.condition === "clean" ? "" : `, ${s.condition}`}`),
      make("p", { className: "facts" }, s.under, make("br"), facts), ...leaks, make("table", null, make("thead", null, head), make("tbody", null, ...rows)));
  }
  function cell(k, i, j, count, n) {
    const share = count / n;
    const s = page.scores[k];
    const style = `background:rgba(var(--heat),${(0.9 * share).toFixed(3)});color:var(${share > 0.55 ? "--paper" : "--ink"})`;
    const button = make("button", { type: "button", className: i === j ? "d" : "", style, data: { cell: `${k}.${i}.${j}` } }, (100 * share).toFixed(1), make("small", null, String(count)));
    button.setAttribute("aria-label", `${s.classes[i]} predicted as ${s.classes[j]}: ${count}`);
    button.addEventListener("click", () => { location.hash = `clips=${k}.${i}.${j}`; });
    return button;
  }
  $("more").addEventListener("click", () => { limit += FEW; grids(); });

  // clips behind a cell: unpacked when somebody asks
  const unpacked = new Map();
  function unpack(text) {
    if (!unpacked.has(text)) {
      const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      unpacked.set(text, new Response(stream).arrayBuffer());
    }
    return unpacked.get(text);
  }
  async function clipsOf(k, i, j) {
    const s = page.scores[k], packed = s.clips, C = s.classes.length;
    const rows = JSON.parse(new TextDecoder().decode(await unpack(page.rows)));
    const set = new Uint32Array(await unpack(page.sets[packed.set]));
    const bytes = new Uint8Array(await unpack(packed.data));
    const n = set.length, found = [];
    for (let r = 0; r < n; r += 1) {
      if (bytes[r] !== i) continue;
      let times = 0, known = 0;
      for (let run = 0; run < packed.runs; run += 1) {
        const guess = bytes[n + run * n + r];
        known += guess !== UNKNOWN;
        times += guess === j;
      }
      if (!times) continue;
      const at = n + packed.runs * n + r * C;
      const scores = packed.scored ? [...bytes.subarray(at, at + C)] : null;
      const [clip, speaker, audio] = rows[set[r]];
      found.push({ clip, speaker, audio, times, known, scores });
    }
    return found.sort((a, b) => b.times - a.times || (b.scores ? b.scores[j] - a.scores[j] : 0) || a.clip.localeCompare(b.clip, "en"));
  }
  function player(address) {
    const audio = make("audio", { controls: true, preload: "none" });
    audio.src = address;
    return audio;
  }
  function line(clip, withScores, withAudio) {
    const name = make("td", null, clip.clip);
    const speaker = make("td", null, clip.speaker || "unknown");
    const times = make("td", { className: "n" }, `${clip.times} of ${clip.known}`);
    const scores = withScores ? clip.scores.map((x) => make("td", { className: "n" }, String(x))) : [];
    return make("tr", null, name, speaker, times, ...scores, ...(withAudio ? [make("td", null, clip.audio ? player(clip.audio) : "–")] : []));
  }
  async function show(k, i, j) {
    const s = page.scores[k], box = $("clips");
    const title = `${s.classes[i]} predicted as ${s.classes[j]}: ${s.model}, ${s.where}${s.condition === "clean" ? "" : `, ${s.condition}`}`;
    document.querySelectorAll(".cm button.on").forEach((button) => button.classList.remove("on"));
    document.querySelector(`[data-cell="${k}.${i}.${j}"]`)?.classList.add("on");
    if (!s.clips) {
      box.replaceChildren(make("h3", null, title), make("p", { className: "none" }, "The clips of this score are left out to keep the page small; they lie in the predictions of the run."));
      return;
    }
    const clips = await clipsOf(k, i, j);
    const withAudio = clips.some((clip) => clip.audio), withScores = Boolean(s.clips.scored);
    const head = ["clip", "speaker", "runs", ...(withScores ? s.classes.map((name) => `${name} %`) : []), ...(withAudio ? ["listen"] : [])];
    const numeric = (h) => h === "runs" || h.endsWith(" %");
    const heads = head.map((h) => make("th", { className: numeric(h) ? "n" : "", data: h === "listen" ? { sort: "no" } : {} }, h));
    const body = make("tbody", null, ...clips.slice(0, MANY_CLIPS).map((clip) => line(clip, withScores, withAudio)));
    const table = make("table", { className: "sortable" }, make("thead", null, make("tr", null, ...heads)), body);
    const words = [`${clips.length} clips; runs: how many of them chose this class`, withScores ? "mean score of every class over runs" : "this model gives no scores",
      withAudio ? `the player gives the recording as it lies on disk${s.condition === "clean" ? "" : ", without the condition"}` : "no audio file of them is at hand"];
    box.replaceChildren(make("h3", null, title), make("p", { className: "facts" }, `${words.join("; ")}.`), make("div", { className: "wide" }, table));
    if (clips.length > MANY_CLIPS) {
      const all = make("button", { type: "button" }, `show all ${clips.length}`);
      all.addEventListener("click", () => { body.append(...clips.slice(MANY_CLIPS).map((clip) => line(clip, withScores, withAudio))); all.remove(); });
      box.append(all);
    }
    sortable(table);
    box.scrollIntoView({ block: "nearest" });
    box.focus({ preventScroll: true });
  }
  function follow() {
    const found = /^#clips=(\d+)\.(\d+)\.(\d+)$/.exec(location.hash);
    if (!found) return;
    const [k, i, j] = found.slice(1).map(Number);
    const s = page.scores[k];
    if (!s || i >= s.classes.length || j >= s.classes.length) return;
    const place = wanted.indexOf(k);
    if (place < 0) { form.reset(); filter(); }
    if (wanted.indexOf(k) >= limit) { limit = wanted.indexOf(k) + 1; grids(); }
    show(k, i, j);
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", follow);
  grids();
  follow();
})();
