"use strict";
/* Shannon's guessing game (1951): the numbers of guesses bound the entropy of a text for the one who guesses. */
(() => {
  const { ask, chars, shown, piecesOf, at } = play;
  let passages = null, next = 0;

  /* Bounds in bits per character, from how many guesses each character took. */
  function bounds(guesses) {
    const shares = [];
    for (const number of guesses) shares[number] = (shares[number] ?? 0) + 1 / guesses.length;
    const falling = [1, ...shares.filter(Boolean).sort((one, other) => other - one)]; /* as an ideal guesser's do */
    const share = (number) => falling[number] ?? 0;
    let upper = 0, lower = 0;
    for (let number = 1; number < falling.length; number += 1) {
      if (share(number)) upper -= share(number) * Math.log2(share(number));
      lower += number * (share(number) - share(number + 1)) * Math.log2(number);
    }
    return [Math.max(lower, 0), upper];
  }

  /* Bits of each character of a passage, by one model that has read what precedes it. */
  async function bitsOf(pane, { before, text }) {
    const reading = await (await ask("read", { entry: pane.index, text: before + text })).json();
    const bits = piecesOf(reading, before + text).flatMap((piece) => {
      const size = chars(piece.text).length;
      return Array(size).fill(piece.bits / size);
    });
    return bits.slice(chars(before).length);
  }

  async function start() {
    const board = at("game-board");
    board.replaceChildren(make("p", "muted", "Reading a passage…"));
    try {
      passages ??= await (await ask("passages")).json();
    } catch (error) {
      board.replaceChildren(make("p", "muted", `No passage: ${error.message}`));
      return;
    }
    const passage = passages[next++ % passages.length];
    const letters = chars(passage.text), guesses = [];
    const bits = Promise.all(shown().map(async (pane) => [pane.run.name, await bitsOf(pane, passage)]));
    bits.catch(() => {}); /* said at the end */
    let wrong = [];
    const text = make("p", "text"), label = make("label", "", "Next character "), input = make("input");
    const tried = make("p", "muted"), result = make("div"), done = make("button", "", "Enough: show the numbers");
    input.id = "guess";
    input.autocomplete = "off";
    input.spellcheck = false;
    done.type = "button";
    result.setAttribute("aria-live", "polite");
    label.append(input);
    board.replaceChildren(text, label, tried, done, result);
    const draw = () => {
      const known = make("b", "", letters.slice(0, guesses.length).join(""));
      text.replaceChildren(`…${passage.before.slice(-300)}`, known, "▁");
      tried.textContent = wrong.length ? `Not ${wrong.map(quoted).join(", ")}` : "A space and a line break count as characters; Enter is the line break.";
    };
    const guess = (char) => {
      if (guesses.length === letters.length || wrong.includes(char)) return;
      if (char !== letters[guesses.length]) wrong.push(char);
      else {
        guesses.push(wrong.length + 1);
        wrong = [];
      }
      draw();
      if (guesses.length === letters.length) finish();
    };
    input.addEventListener("input", () => { for (const char of chars(input.value)) guess(char); input.value = ""; });
    input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); guess("\n"); } });
    async function finish() {
      if (!guesses.length) { result.replaceChildren(make("p", "", "Guess at least one character.")); return; }
      if (input.disabled) return;
      input.disabled = done.disabled = true;
      const list = make("ul"), said = (one) => `${bounds(one).map((bound) => bound.toFixed(3)).join(" to ")} bits per character`;
      list.append(make("li", "", `You: ${said(guesses)}, from ${guesses.length} characters`));
      try {
        for (const [name, each] of await bits) {
          const mean = sum(each.slice(0, guesses.length)) / guesses.length;
          list.append(make("li", "", `${name}: ${mean.toFixed(3)} bits per character`));
        }
      } catch (error) {
        list.append(make("li", "", `The models could not read it: ${error.message}`));
      }
      result.replaceChildren(list, make("p", "muted", "A few characters say little; a hundred begin to."));
    }
    done.addEventListener("click", finish);
    draw();
    input.focus();
  }
  at("game-start").addEventListener("click", start);
})();
