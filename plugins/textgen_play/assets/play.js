"use strict";
/* Texts and continuations of several models, side by side, on one ruler of characters. */
const play = (() => {
  const MOST = 8; /* bits per character that have the full colour */
  const WAIT = 250; /* milliseconds without a key before the text is read */
  const base = location.pathname.replace(/[^/]*$/, "");
  const client = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const at = (id) => document.getElementById(id);
  const chars = (text) => Array.from(text);
  const keepAddress = (address) => history.replaceState(null, "", address);

  async function ask(path, body, signal) {
    const request = body === undefined ? {} :
      { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const answer = await fetch(base + path, { ...request, signal });
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
    throw new Error(said.error);
  }

  function say(text, isError = false) {
    at("message").textContent = text;
    at("message").classList.toggle("error", isError);
  }

  /* The string of a token; a byte below 128 is a character, another one cannot be written alone. */
  function written(token) {
    const byte = /^<0x([0-9A-F]{2})>$/.exec(token);
    if (!byte) return token;
    const code = parseInt(byte[1], 16);
    return code < 128 ? String.fromCharCode(code) : null;
  }

  /* Pieces of a text as a model read it: text, bits, alternatives [string, probability], reasons. */
  function piecesOf(reading, text) {
    const [read] = reading.passages, letters = chars(text), pieces = [];
    let position = read.first_char;
    read.num_chars.forEach((size, token) => {
      const alternatives = read.alternatives[token].map((each, rank) =>
        [reading.tokens[each], read.per_mille[token][rank] / 1000]);
      if (size === 0 && pieces.length) pieces.at(-1).bits += read.bits[token];
      else {
        const shown = letters.slice(Math.max(position, 0), position + size).join("");
        pieces.push({ text: shown, bits: read.bits[token], alternatives, why: reasonsFor(reading, read, [token]) });
      }
      position += size;
    });
    return pieces;
  }

  const panes = data.runs.map((run, index) => {
    const box = make("section", "pane");
    const title = named("h2", "", run.name);
    title.title = run.entry;
    const score = make("span", "score"), freedom = make("span");
    title.append(score, freedom);
    const text = make("p", "text"), notes = make("p", "muted");
    box.append(title, text, notes);
    const pane = { index, run, box, text, notes, score, freedom, pieces: [], prompt: "", marks: null, isOn: index < 4, abort: null };
    if (run.timeline.length) title.after(timeline(pane));
    return pane;
  });
  const shown = () => panes.filter((pane) => pane.isOn);

  /* A slider over the snapshots of a run, which ends with the run itself; `pane.after` are the updates. */
  function timeline(pane) {
    const { name, timeline: points, updates } = pane.run, last = points.length - 1;
    const row = make("div", "time"), slider = make("input"), said = make("span");
    let wait = 0;
    Object.assign(slider, { type: "range", min: 0, max: last });
    slider.setAttribute("aria-label", `Weights of ${name}`);
    pane.moveTo = (after) => {
      const found = points.findIndex(([known]) => known === after), place = found < 0 ? last : found;
      const [num, bits] = points[place], [reached, total] = [num, updates].map((each) => each.toLocaleString("en"));
      pane.after = place === last ? undefined : num;
      slider.value = place;
      said.textContent = `${place === last ? "best: " : ""}after ${reached} of ${total} updates, ${bits.toFixed(3)} bits per character of validation`;
      slider.setAttribute("aria-valuetext", said.textContent);
    };
    slider.addEventListener("input", () => {
      pane.moveTo(Number(slider.value) === last ? undefined : points[slider.value][0]);
      clearTimeout(wait);
      wait = setTimeout(() => again(pane), WAIT);
    });
    pane.moveTo();
    row.append(slider, said);
    return row;
  }

  /* What is shown, read or written again by one of the entries. */
  function again(pane) {
    keepAddress(address());
    if (current.wanted?.prompt === at("prompt").value) writeAll(current.wanted, [pane]);
    else readAll(at("prompt").value, [pane]);
  }

  function marksAt(pane, position, size) {
    const isIn = ([begin, end]) => begin < position + size && position < end;
    if (!pane.marks) return [];
    return [...(pane.marks.made_up.some(isIn) ? ["made-up"] : []), ...(pane.marks.copied.some(isIn) ? ["copied"] : [])];
  }

  function draw(pane) {
    const before = chars(pane.prompt).length;
    let position = 0;
    const spans = pane.pieces.map((piece, number) => {
      const span = make("span", "token", visible(piece.text));
      const size = Math.max(chars(piece.text).length, 1);
      span.style.setProperty("--share", Math.min(piece.bits / size / MOST, 1).toFixed(3));
      if (position >= before) span.classList.add("written", ...marksAt(pane, position - before, size));
      position += chars(piece.text).length;
      span.tabIndex = number ? -1 : 0;
      const show = () => showPiece(pane, number);
      span.addEventListener("mouseenter", () => { if (!pinned) show(); });
      span.addEventListener("focus", show);
      span.addEventListener("click", () => { pinned = true; show(); at("piece").querySelector("button")?.focus(); });
      return span;
    });
    pane.text.replaceChildren(...spans);
    const letters = chars(pane.pieces.map((piece) => piece.text).join("")).length;
    pane.score.textContent = letters ? `${(sum(pane.pieces.map((piece) => piece.bits)) / letters).toFixed(3)} bits per character so far` : "";
  }
  let pinned = false;
  document.addEventListener("pointerdown", (event) => { if (!at("detail").contains(event.target)) pinned = false; });

  function showPiece(pane, number) {
    const piece = pane.pieces[number];
    const lines = [`${pane.run.name}: ${quoted(piece.text)}, ${piece.bits.toFixed(2)} bits (${percent(2 ** -piece.bits)})`, ...piece.why];
    const before = pane.pieces.slice(0, number).map((each) => each.text).join("");
    const buttons = piece.alternatives.map(([token, chance]) => {
      const text = written(token);
      const button = make("button", "", `${quoted(text ?? token)} ${percent(chance)}`);
      button.type = "button";
      button.disabled = text === null;
      button.addEventListener("click", () => go({ ...settings(), prompt: before + text }));
      return button;
    });
    const choices = make("div", "alternatives");
    choices.append("Go on from there with", ...buttons);
    if (pane.run.spells && piece.alternatives.some(([token]) => token === " ")) {
      lines.push("“␣” alone begins a word that is not among the words of this model, which it spells letter by letter.");
    }
    at("piece").replaceChildren(...lines.map((line) => make("p", "", line)), choices);
  }

  at("panes").addEventListener("keydown", (event) => {
    const token = event.target;
    if (!token.classList.contains("token")) return;
    const next = { ArrowLeft: token.previousElementSibling, ArrowRight: token.nextElementSibling }[event.key];
    if (event.key === "Enter") token.click();
    if (!next) return;
    event.preventDefault();
    token.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  /* Every entry reads a text; `prompt` of it was not written by them. */
  async function read(pane, text, prompt, signal) {
    pane.marks = null;
    pane.notes.textContent = "";
    if (!text) return Object.assign(pane, { pieces: [], prompt });
    const reading = await (await ask("read", { entry: pane.index, after: pane.after, text, client }, signal)).json();
    return Object.assign(pane, { pieces: piecesOf(reading, text), prompt });
  }

  /* Made-up words and copied spans of what was written; a text that cannot be read again has no marks. */
  async function mark(pane, written, signal) {
    const answer = await ask("marks", { entry: pane.index, text: written }, signal).catch((error) => {
      if (error.name === "AbortError") throw error;
      return null;
    });
    if (!answer) return;
    pane.marks = await answer.json();
    draw(pane);
    const copied = sum(pane.marks.copied.map(([begin, end]) => end - begin)), size = chars(written).length;
    const words = `${pane.marks.made_up.length || "no"} made-up word${pane.marks.made_up.length === 1 ? "" : "s"}`;
    pane.notes.textContent = `${words}; ${copied ? percent(copied / size) : "none of it"} is in the training text too`;
  }

  async function readAll(prompt, some) {
    stop(some);
    say("");
    const control = new AbortController();
    await Promise.all((some ?? shown()).map(async (pane) => {
      pane.abort = control;
      pane.freedom.textContent = "";
      try {
        draw(await read(pane, prompt, prompt, control.signal));
      } catch (error) {
        if (error.name !== "AbortError") say(error.message, true);
      }
    }));
    if (!control.signal.aborted) showApart();
  }

  async function write(pane, wanted, control) {
    pane.freedom.textContent = "";
    const answer = await ask("write", { entry: pane.index, after: pane.after, client, ...wanted }, control.signal);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "", text = wanted.prompt, carried = 0;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events.map((each) => JSON.parse(each.slice(6)))) {
        if (event.error) throw new Error(event.error);
        if (event.temperature && wanted.sampler.includes("entropy=")) pane.freedom.textContent = `at temperature ${event.temperature.toFixed(2)}`;
        for (const token of event.tokens) {
          carried += token.bits;
          if (!token.text) continue; /* the beginning of a character */
          pane.pieces.push({ ...token, bits: carried, why: [] });
          carried = 0;
          text += token.text;
        }
        draw(pane);
      }
    }
    draw(await read(pane, text, wanted.prompt, control.signal)); /* as in the score, and why */
    await mark(pane, text.slice(wanted.prompt.length), control.signal);
  }

  function stop(some = panes) {
    for (const pane of some) pane.abort?.abort();
    at("stop").disabled = true;
  }

  /* Returns whether all failed, as with a sampler that does not exist. */
  let writings = 0;
  async function writeAll(wanted, some) {
    const writing = writings += 1;
    stop(some);
    say("");
    at("stop").disabled = false;
    let failures = 0;
    const asked = some ?? shown();
    const one = async (pane) => {
      try {
        const control = pane.abort = new AbortController();
        draw(await read(pane, wanted.prompt, wanted.prompt, control.signal));
        await write(pane, wanted, control);
      } catch (error) {
        if (error.name === "AbortError") return;
        failures += 1;
        say(`${pane.run.name}: ${error.message}`, true);
      }
    };
    for (const pane of asked) pane.written = one(pane);
    await Promise.all(panes.map((pane) => pane.written));
    if (writing !== writings) return false;
    showApart();
    at("stop").disabled = true;
    return failures === asked.length;
  }

  /* What the form says; a number as the sampler is a temperature. */
  const DIAL = /^temperature:(temperature|entropy)=([0-9.]+)$/;
  const settings = () => ({
    prompt: at("prompt").value,
    length: Number(at("length").value),
    sampler: at("sampler").value.trim().replace(/^[0-9]*[.]?[0-9]+$/, "temperature:temperature=$&"),
    seed: Number(at("seed").value),
  });
  function fill(wanted) {
    for (const name of ["prompt", "length", "sampler", "seed"]) at(name).value = wanted[name];
    showDials();
  }

  /* The sliders show what the sampler says, if that is a temperature or an entropy. */
  const dials = { temperature: [at("temperature"), ""], entropy: [at("freedom"), " bits"] };
  function showDials() {
    const [, option, value] = DIAL.exec(settings().sampler) ?? [];
    for (const [name, [slider, unit]] of Object.entries(dials)) {
      const said = name === option ? `${value}${unit}` : "–";
      if (name === option) slider.value = value;
      slider.classList.toggle("unused", name !== option);
      slider.setAttribute("aria-valuetext", name === option ? said : "not used");
      slider.nextElementSibling.textContent = said;
    }
  }
  for (const [name, [slider]] of Object.entries(dials)) {
    slider.addEventListener("input", () => { at("sampler").value = `temperature:${name}=${slider.value}`; showDials(); });
  }
  at("sampler").addEventListener("input", showDials);

  /* Ways: a tree of what was asked, with the way that is shown. */
  const root = { wanted: null, parent: null, children: [] };
  let current = root, timer = 0, first = "";
  function go(wanted) {
    if (!at("ask").checkValidity()) at("more").open = true; /* what is wrong may be in there */
    if (!at("ask").reportValidity()) return;
    pinned = false;
    const parent = JSON.stringify(current.wanted) === JSON.stringify(wanted) ? current.parent : current;
    follow(below(parent, wanted));
  }
  /* The way of what is wanted from another one on, perhaps known. */
  function below(parent, wanted) {
    const known = parent.children.find((child) => JSON.stringify(child.wanted) === JSON.stringify(wanted));
    const node = known ?? { wanted, parent, children: [], last: null };
    if (!known) parent.children.push(node);
    parent.last = node;
    return node;
  }
  /* What could not be written is not a way. */
  function drop(node) {
    node.parent.children = node.parent.children.filter((child) => child !== node);
    if (node.parent.last === node) node.parent.last = node.parent.children.at(-1) ?? null;
    if (current === node) current = node.parent;
    drawTree();
    keepAddress(current.wanted ? address() : location.pathname);
  }
  async function follow(node) {
    clearTimeout(timer);
    current = node;
    drawTree();
    if (!node.wanted) {
      fill({ ...settings(), prompt: first });
      readAll(first);
      keepAddress(location.pathname);
      return;
    }
    fill(node.wanted);
    keepAddress(address());
    if (!await writeAll(node.wanted)) node.isWritten = true;
    else if (!node.isWritten) drop(node);
  }

  /* A way by its text, and by what differs between ways. */
  function nameOf({ wanted }, all) {
    const differs = (key) => all.some((each) => each.wanted[key] !== all[0].wanted[key]);
    const [, option, value] = DIAL.exec(wanted.sampler) ?? [];
    const words = {
      sampler: option ? { temperature: `temperature ${value}`, entropy: `freedom ${value} bits` }[option] : wanted.sampler,
      seed: `seed ${wanted.seed}`,
      length: `${wanted.length} characters`,
    };
    const text = wanted.prompt.length > 60 ? `…${wanted.prompt.slice(-60)}` : wanted.prompt;
    return [quoted(text), ...Object.keys(words).filter(differs).map((key) => words[key])].join(", ");
  }
  function drawTree() {
    at("undo").disabled = current === root;
    at("redo").disabled = !current.last;
    const all = (node) => node.children.flatMap((child) => [child, ...all(child)]), known = all(root);
    const list = (node) => {
      const items = node.children.map((child) => {
        const item = make("li");
        const button = make("button", "", nameOf(child, known));
        button.type = "button";
        if (child === current) button.setAttribute("aria-current", "true");
        button.addEventListener("click", () => follow(child));
        item.append(button);
        if (child.children.length) { const inner = make("ul"); inner.append(...list(child)); item.append(inner); }
        return item;
      });
      return items;
    };
    at("tree").replaceChildren(...list(root));
  }
  at("undo").addEventListener("click", () => { const child = current; current.parent.last = child; follow(current.parent); });
  at("redo").addEventListener("click", () => follow(current.last));

  /* The way that is shown, from the root on, as the address of the page. */
  function address() {
    const way = [];
    for (let node = current; node.wanted; node = node.parent) way.unshift(node.wanted);
    const after = Object.fromEntries(panes.map((pane) => [pane.run.name, pane.after])); /* without undefined */
    return `#${encodeURIComponent(JSON.stringify({ way, models: shown().map((pane) => pane.run.name), after }))}`;
  }
  function restore() {
    if (location.hash.length < 2) return;
    try {
      const { way, models, after = {} } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
      const isWanted = (wanted) => ["prompt", "sampler"].every((name) => typeof wanted[name] === "string") &&
        ["length", "seed"].every((name) => Number.isSafeInteger(wanted[name]));
      if (!Array.isArray(way) || !way.every(isWanted) || !Array.isArray(models)) throw new Error("damaged");
      for (const pane of panes) {
        pane.isOn = models.includes(pane.run.name);
        pane.moveTo?.(after[pane.run.name]);
      }
      if (!shown().length) panes[0].isOn = true;
      drawPanes();
      current = root;
      for (const wanted of way) current = below(current, wanted);
      follow(current);
    } catch {
      say("The address of this page is damaged; nothing was restored.", true);
    }
  }
  at("link").addEventListener("click", async () => {
    keepAddress(address());
    try {
      await navigator.clipboard.writeText(location.href);
      say("The link is copied; it works while this server runs.");
    } catch {
      say("The link is the address of this page; it works while this server runs.");
    }
  });

  /* How many more bits per character the second one needs. */
  function showApart() {
    const pair = [at("first"), at("second")].map((choice) => panes[choice.value]);
    at("difference").hidden = shown().length < 2;
    if (pair.some((pane) => !pane) || pair.some((pane) => !pane.pieces.length)) return at("apart").replaceChildren();
    const spread = (pane) => pane.pieces.flatMap((piece) => {
      const letters = chars(piece.text);
      return letters.map((letter) => [letter, piece.bits / letters.length]);
    });
    const [a, b] = pair.map(spread), text = make("p", "text");
    const size = chars(pair[0].prompt).length;
    let total = 0;
    a.slice(0, size).forEach(([letter, bits], index) => {
      const apart = (b[index]?.[1] ?? 0) - bits;
      total += apart;
      const char = make("span", apart > 0 ? "a-better" : "b-better", visible(letter));
      char.style.setProperty("--share", Math.min(Math.abs(apart) / 4, 1).toFixed(3));
      if (Math.abs(apart) < 0.5) char.style.textDecoration = "none";
      char.title = `${apart > 0 ? "+" : ""}${apart.toFixed(2)} bits`;
      text.append(char);
    });
    const better = pair[total > 0 ? 0 : 1].run.name;
    const verdict = `${better} needs ${Math.abs(total / Math.max(size, 1)).toFixed(3)} bits per character fewer for your text.`;
    return at("apart").replaceChildren(make("p", "", verdict), text);
  }

  function about(run) {
    const score = run.bits === null ? "" : `${run.bits.toFixed(3)} bits`;
    return run.reads_on ? `${score}, learns while it reads` : score;
  }
  function drawPanes() {
    at("panes").replaceChildren(...shown().map((pane) => pane.box));
    const choice = (pane) => {
      const label = make("label"), box = make("input");
      box.type = "checkbox";
      box.checked = pane.isOn;
      box.addEventListener("change", () => {
        pane.isOn = box.checked;
        if (!shown().length) pane.isOn = true;
        drawPanes();
        readAll(at("prompt").value);
      });
      label.append(box, named("span", "", pane.run.name), make("span", "muted", about(pane.run)));
      label.title = pane.run.entry;
      return label;
    };
    /* Scores of one text compare with each other only. */
    const texts = [...new Set(panes.map((pane) => pane.run.text_id))].map((id) => {
      const row = make("div", "controls"), some = panes.filter((pane) => pane.run.text_id === id);
      row.append(make("span", "muted", `Bits per character of held-out text of ${some[0].run.text}:`), ...some.map(choice));
      return row;
    });
    at("chosen").replaceChildren(make("legend", "", "Models"), ...texts);
    if (texts.length > 1) at("chosen").append(make("p", "muted", "Scores on different texts do not compare."));
    for (const choice of [at("first"), at("second")]) choice.replaceChildren(...shown().map((pane) => option(pane.index, pane.run.name)));
    at("second").selectedIndex = shown().length > 1 ? 1 : 0;
    at("difference").hidden = shown().length < 2;
  }

  at("prompt").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => readAll(at("prompt").value), WAIT);
  });
  at("ask").addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(timer); go(settings()); });
  at("stop").addEventListener("click", () => stop());
  for (const choice of [at("first"), at("second")]) choice.addEventListener("change", showApart);
  /* A text to begin with: what precedes a held-out passage, unless somebody was faster. */
  async function begin() {
    const passages = await ask("passages").then((answer) => answer.json(), () => []);
    if (at("prompt").value || current !== root) return;
    first = at("prompt").value = passages[0]?.text.slice(0, 60).replace(/\s+\S*$/, "").split("\n")[0] || "The ";
    readAll(first);
  }

  addEventListener("hashchange", restore);
  fill({ prompt: "", length: data.length, sampler: data.sampler, seed: 0 });
  drawPanes();
  drawTree();
  restore();
  if (current === root) begin();
  return { ask, chars, client, panes, settings, shown, piecesOf, at };
})();
