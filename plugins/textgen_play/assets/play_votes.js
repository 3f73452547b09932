"use strict";
/* Blind votes: two continuations of a passage, whose writers only the server knows until the vote. */
(() => {
  const { ask, at, client, panes, settings, shown } = play;
  const AUTHOR = "author", PLACES = ["First", "Second"], starts = [at("vote-author"), at("vote-pair")];
  const distinct = () => [...new Map(shown().map((pane) => [pane.run.label, pane.index])).values()];
  const nameOf = (label) => panes.find((pane) => pane.run.label === label)?.run.name ?? label;
  let number = 0;
  starts[1].hidden = panes.length < 2;
  starts.forEach((button, place) => button.addEventListener("click", () => start(place === 0)));

  const send = async (path, body) => (await ask(path, body)).json();
  const say = (text) => { at("vote-message").textContent = text; };

  async function start(hasAuthor) {
    for (const button of starts) button.disabled = true;
    at("vote-board").replaceChildren();
    say("The models are writing…");
    try {
      const asked = { client, number, entries: distinct(), has_author: hasAuthor, sampler: settings().sampler };
      const drawn = await send("draw", asked);
      number += 1;
      say("");
      show(drawn, hasAuthor);
    } catch (error) {
      say(`No passage: ${error.message}`);
    }
    for (const button of starts) button.disabled = false;
  }

  function show({ ballot, before, texts }, hasAuthor) {
    const begun = make("h3", "", "The passage begins"), pair = make("div", "panes ballot"), buttons = [];
    begun.tabIndex = -1;
    const boxes = texts.map((text, place) => {
      const box = make("section", "pane"), title = make("h3", "", PLACES[place]);
      const button = make("button", "", hasAuthor ? `${PLACES[place]}: the author’s` : `${PLACES[place]}: I prefer it`);
      button.type = "button";
      button.addEventListener("click", () => vote(place));
      buttons.push(button);
      box.append(title, make("p", "text", text), button);
      return { box, title };
    });
    pair.append(...boxes.map(({ box }) => box));
    at("vote-board").replaceChildren(begun, make("p", "text", `…${before}`), pair);
    begun.focus();

    async function vote(choice) {
      for (const button of buttons) button.disabled = true;
      try {
        const { writers, ...counted } = await send("vote", { ballot, choice });
        const names = writers.map((writer) => (writer === null ? "the author" : panes[writer].run.name));
        boxes.forEach(({ box, title }, place) => {
          title.textContent = `${PLACES[place]}: ${names[place]}${place === choice ? " (your choice)" : ""}`;
          box.classList.toggle("chosen", place === choice);
        });
        for (const button of buttons) button.remove();
        say(hasAuthor && names[choice] !== "the author" ? `No, this is ${names[choice]}.` : hasAuthor ? "Yes." : `This is ${names[choice]}.`);
        at("vote-keep").disabled = false;
        drawTally(counted);
        starts[hasAuthor ? 0 : 1].focus();
      } catch (error) {
        say(error.message);
      }
    }
  }

  function drawTally({ tally = [], kept, problem }) {
    const list = make("ul"), samplers = new Set(tally.map((each) => each.sampler));
    for (const { chosen, over, sampler, number: times, total, interval } of tally) {
      const what = over === AUTHOR ? "taken for the author" : `preferred to ${nameOf(over)}`;
      const ends = interval.map((end) => Math.round(100 * end)).join(" to ");
      const how = samplers.size > 1 ? `, ${sampler}` : "";
      list.append(make("li", "", `${nameOf(chosen)}${how}: ${what} in ${times} of ${total} votes (${Math.round(100 * times / total)} %, 95 % interval ${ends} %)`));
    }
    const chance = tally.some(({ over }) => over === AUTHOR) ? "Someone who cannot tell the author would score 50 %. " : "";
    const note = problem ? `No tally: ${problem}` : `${chance}${kept ? `${kept} of these votes were saved earlier.` : "These votes are not saved yet."}`;
    at("vote-tally").replaceChildren(make("h3", "", "Votes so far"), list, make("p", "muted", note));
  }

  at("vote-keep").addEventListener("click", async () => {
    at("vote-keep").disabled = true;
    try {
      const { kept } = await send("votes", { client });
      say(`Kept: votes.json in the folder of these runs has ${kept} vote${kept === 1 ? "" : "s"}.`);
    } catch (error) {
      at("vote-keep").disabled = false;
      say(error.message);
    }
  });
})();
