"use strict";
/* Samples after one prompt by one sampler, side by side. */
(() => {
  const place = document.getElementById("samples-shown");
  if (!place || !data.samples.length) return;
  const [prompts, samplers] = [document.getElementById("samples-prompt"), document.getElementById("samples-sampler")];
  const distinct = (key) => [...new Set(data.samples.flatMap((entry) => entry.samples.map((each) => each[key])))];

  /* The sample with its marks, each also named in words for those who cannot see it. */
  function marked(sample) {
    const text = make("p", "text");
    if (!sample.text.startsWith(sample.prompt)) text.append(make("b", "prompt", sample.prompt));
    const chars = Array.from(sample.text);
    const given = sample.text.startsWith(sample.prompt) ? Array.from(sample.prompt).length : 0;
    const kind = (at) => at < given ? "prompt" : ["made_up", "copied"].filter((key) => sample[key].some(([begin, end]) => begin <= at && at < end)).join(" ");
    for (let begin = 0, end; begin < chars.length; begin = end) {
      for (end = begin + 1; end < chars.length && kind(end) === kind(begin);) end += 1;
      const piece = chars.slice(begin, end).join("");
      if (begin < given) { text.append(make("b", "prompt", piece)); continue; }
      const marks = kind(begin).split(" ").filter(Boolean);
      const element = marks.length ? make("mark", marks.map((mark) => mark.replace("_", "-")).join(" "), piece) : piece;
      if (marks.length) element.title = marks.includes("made_up") ? "made-up word" : "also in the training text";
      text.append(element);
    }
    return text;
  }

  function card(entry) {
    const made = make("article", "sample");
    made.append(named("h3", "", entry.name));
    const found = entry.samples.find((each) => each.prompt === prompts.value && each.sampler === samplers.value);
    made.append(found ? marked(found) : make("p", "muted", "nothing written with this sampler"));
    return made;
  }

  function show() {
    const isChance = (entry) => data.chance.includes(entry.name);
    place.replaceChildren(...data.samples.filter((entry) => !isChance(entry)).map(card));
    document.getElementById("samples-chance")?.replaceChildren(...data.samples.filter(isChance).map(card));
  }

  distinct("prompt").forEach((prompt) => prompts.append(option(prompt, prompt.trim().slice(-70) || "(no prompt)")));
  distinct("sampler").forEach((sampler) => samplers.append(option(sampler, sampler.replace("temperature:temperature=", "temperature "))));
  if (distinct("sampler").includes(data.sampler)) samplers.value = data.sampler;
  prompts.addEventListener("change", show);
  samplers.addEventListener("change", show);
  document.getElementById("samples-controls").hidden = false;
  for (const id of ["samples-static", "chance-static"]) document.getElementById(id)?.setAttribute("hidden", "");
  show();
})();
