"use strict";
/* One held-out passage, read by every entry and by two of them against each other. */
(() => {
  const passages = data.passages, readings = data.readings;
  if (!passages || !passages.length || !readings.length) return;
  const MOST = 8;       /* bits per character that have the full colour */
  const MOST_WORDS = 5; /* words that are named */
  const MOST_APART = 4; /* the same of a difference */
  const rows = document.getElementById("passage-rows");
  const pair = document.getElementById("pair-text");
  const chooser = document.getElementById("passage-choice");
  const [first, second] = [document.getElementById("pair-a"), document.getElementById("pair-b")];
  let current = 0;

  const chars = passages.map((passage) => Array.from(passage.text));

  /* The tokens of a passage as spans of it; a token without characters joins the one before. */
  function spans(reading, index) {
    const read = reading.passages[index];
    const found = [];
    let position = read.first_char;
    read.num_chars.forEach((size, token) => {
      if (size === 0 && found.length) {
        found[found.length - 1].tokens.push(token);
        found[found.length - 1].bits += read.bits[token];
      } else {
        found.push({ begin: position, end: position + size, bits: read.bits[token], tokens: [token] });
      }
      position += size;
    });
    return found;
  }

  /* The bits of each character: those of a token, spread over its characters. */
  function charBits(reading, index) {
    const bits = new Float64Array(chars[index].length);
    for (const span of spans(reading, index)) {
      for (let at = Math.max(span.begin, 0); at < Math.min(span.end, bits.length); at += 1) {
        bits[at] += span.bits / (span.end - span.begin);
      }
    }
    return bits;
  }

  const shows = new WeakMap();
  const mean = (values) => sum(values) / values.length;

  /* What is said of a token: its bits, its probability, and what was likelier. */
  function describe(reading, index, span) {
    const read = reading.passages[index];
    const text = quoted(chars[index].slice(Math.max(span.begin, 0), span.end).join(""));
    const token = span.tokens[0];
    const likeliest = read.alternatives[token]
      .map((each, rank) => `${quoted(reading.tokens[each])} ${percent(read.per_mille[token][rank] / 1000)}`);
    const own = read.alternatives[token].findIndex((each) => quoted(reading.tokens[each]) === text);
    const isAlone = span.tokens.length === 1 && own >= 0; // then one number, rounded once
    const chance = isAlone ? read.per_mille[token][own] / 1000 : 2 ** -span.bits;
    const pieces = span.tokens.length > 1 ? ` in ${span.tokens.length} tokens` : "";
    const said = `${text}${pieces}: ${span.bits.toFixed(2)} bits (${percent(chance)}); likeliest: ${likeliest.join(", ")}`;
    return [said, ...reasonsFor(reading, read, span.tokens)];
  }

  function row(reading, index) {
    const group = make("div", "passage");
    const title = named("h3", "", reading.name);
    title.append(make("span", "", `${mean(charBits(reading, index)).toFixed(3)} bits per character here`));
    const text = make("p", "text");
    const detail = make("p", "detail", "Point at a token, or focus one and use the arrow keys.");
    spans(reading, index).forEach((span, number) => {
      const shown = chars[index].slice(Math.max(span.begin, 0), Math.max(span.end, 0)).join("");
      if (!shown) return;
      const token = make("span", "token", visible(shown));
      const each = span.bits / Math.max(span.end - span.begin, 1);
      token.style.setProperty("--share", Math.min(each / MOST, 1).toFixed(3));
      token.tabIndex = text.childElementCount ? -1 : 0;
      token.dataset.begin = Math.max(span.begin, 0);
      const show = () => {
        detail.replaceChildren(...describe(reading, index, span).map((line) => make("span", "line", line)));
        detail.setAttribute("aria-live", "off");
        text.querySelector(".at")?.classList.remove("at");
        token.classList.add("at");
      };
      shows.set(token, show);
      token.addEventListener("mouseenter", () => showAll(token));
      token.addEventListener("focus", () => {
        showAll(token);
        detail.setAttribute("aria-live", "polite");
      });
      text.append(token);
    });
    text.addEventListener("keydown", move);
    group.append(title, text, detail);
    return group;
  }

  /* What each entry guessed at the first character of a token. */
  function showAll(token) {
    for (const text of rows.querySelectorAll(".text")) {
      shows.get(text === token.parentElement ? token : tokenAt(text, Number(token.dataset.begin)))?.();
    }
  }
  const tokenAt = (text, at) => [...text.children].findLast((each) => Number(each.dataset.begin) <= at);

  /* Arrow keys move within a row, and to the same character of the next one. */
  function move(event) {
    const token = event.target;
    const texts = [...rows.querySelectorAll(".text")];
    const beside = texts[texts.indexOf(token.parentElement) + { ArrowUp: -1, ArrowDown: 1 }[event.key]];
    const at = Number(token.dataset.begin);
    const next = {
      ArrowLeft: () => token.previousElementSibling,
      ArrowRight: () => token.nextElementSibling,
      Home: () => token.parentElement.firstElementChild,
      End: () => token.parentElement.lastElementChild,
      ArrowUp: () => beside && tokenAt(beside, at),
      ArrowDown: () => beside && tokenAt(beside, at),
    }[event.key]?.();
    if (!next) return;
    event.preventDefault();
    token.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /* How many more bits the second entry needs for each character of a passage. */
  function difference(index) {
    const [a, b] = [first, second].map((choice) => charBits(readings[choice.value], index));
    return Array.from(a, (bits, at) => b[at] - bits);
  }

  function showPair() {
    const apart = difference(current);
    const words = [...passages[current].text.matchAll(/\S+/g)].map((match) => {
      const begin = Array.from(passages[current].text.slice(0, match.index)).length;
      const end = begin + Array.from(match[0]).length;
      return { word: match[0], begin, end, bits: sum(apart.slice(begin, end)) };
    }).sort((a, b) => Math.abs(b.bits) - Math.abs(a.bits)).slice(0, MOST_WORDS);
    const isFramed = (index) => words.length && index >= words[0].begin && index < words[0].end;
    const text = make("p", "text");
    apart.forEach((bits, index) => {
      const char = make("span", bits > 0 ? "a-better" : "b-better", visible(chars[current][index]));
      char.style.setProperty("--share", Math.min(Math.abs(bits) / MOST_APART, 1).toFixed(3));
      if (Math.abs(bits) < 0.5) char.style.textDecoration = "none";
      if (isFramed(index)) char.classList.add("widest");
      char.title = `${bits > 0 ? "+" : ""}${bits.toFixed(2)} bits`;
      text.append(char);
    });
    const names = [first, second].map((choice) => readings[choice.value].name);
    const total = mean(apart);
    const verdict = make("p", "", total === 0 ? "Both need the same bits here."
      : `${names[total > 0 ? 0 : 1]} needs ${Math.abs(total).toFixed(3)} bits per character fewer here; ` +
        "the word where they differ most is framed.");
    verdict.setAttribute("aria-live", "polite");
    const apartMost = make("ul", "notes");
    for (const { word, bits } of words) {
      const fewer = names[bits > 0 ? 0 : 1];
      apartMost.append(make("li", "", `${quoted(word)}: ${fewer} needs ${Math.abs(bits).toFixed(1)} bits fewer`));
    }
    document.getElementById("pair-key-a").textContent = `${names[0]} is better`;
    document.getElementById("pair-key-b").textContent = `${names[1]} is better (dotted)`;
    pair.replaceChildren(verdict, text, make("p", "", "Words that differ most:"), apartMost);
  }

  function show(index, isChosen) {
    current = index;
    chooser.value = String(index);
    rows.replaceChildren(...readings.map((reading) => row(reading, index)));
    if (pair) showPair();
    if (isChosen) history.replaceState(null, "", `#passage-${index + 1}`);
  }

  /* The next passage, in the order of how far the two entries are apart. */
  function showNext() {
    const order = passages.map((_, index) => index)
      .sort((a, b) => Math.abs(sum(difference(b))) - Math.abs(sum(difference(a))));
    const seen = pair.dataset.shown === `${first.value}-${second.value}` ? Number(pair.dataset.rank) + 1 : 0;
    pair.dataset.shown = `${first.value}-${second.value}`;
    pair.dataset.rank = String(seen % order.length);
    show(order[seen % order.length], true);
  }

  passages.forEach((passage, index) => {
    const beginning = passage.text.slice(0, 40).replaceAll("\n", " ");
    chooser.append(option(index, `${index + 1} of ${passages.length}: ${beginning}…`));
  });
  if (pair) readings.forEach((reading, index) => {
    first.append(option(index, reading.name));
    second.append(option(index, reading.name));
  });
  chooser.addEventListener("change", () => show(Number(chooser.value), true));
  if (pair) {
    second.value = "1";
    first.addEventListener("change", showPair);
    second.addEventListener("change", showPair);
    document.getElementById("pair-next").addEventListener("click", showNext);
  }
  for (const controls of document.querySelectorAll(".passage-controls")) controls.hidden = false;

  function follow() {
    const wanted = /^#passage-(\d+)$/.exec(location.hash);
    show(wanted ? Math.max(0, Math.min(Number(wanted[1]), passages.length) - 1) : current, false);
    if (wanted) document.getElementById("passages").scrollIntoView();
  }
  addEventListener("hashchange", follow);
  follow();
})();
