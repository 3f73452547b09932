"use strict";
/* Recurrent networks in 8-bit integers, which write in the page (see textgen/nn/quantized.py). */
const writer = (() => {
  if (!data.models || !data.models.length) return null;
  const at = (id) => document.getElementById(`writer-${id}`);
  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const sigmoid = (value) => 1 / (1 + Math.exp(-value));

  function matrix(given) {
    const values = new Int8Array(bytes(given.data).buffer), columns = values.length / given.rows;
    return { rows: given.rows, columns, values, scales: floats(given.scales) };
  }

  /* The product of a matrix and a vector, plus a bias. */
  function product({ rows, columns, values, scales }, vector, bias) {
    const result = new Float32Array(rows);
    for (let row = 0, place = 0; row < rows; row += 1) {
      let total = 0;
      for (let column = 0; column < columns; column += 1, place += 1) total += values[place] * vector[column];
      result[row] = total * scales[row] + bias[row];
    }
    return result;
  }

  const cells = {
    lstm(layer, input, state) {
      const { hidden, cell } = state, size = hidden.length;
      const a = product(layer.input, input, layer.inputBias), b = product(layer.hidden, hidden, layer.hiddenBias);
      const gate = (number, index) => a[number * size + index] + b[number * size + index];
      const next = { hidden: new Float32Array(size), cell: new Float32Array(size) };
      for (let index = 0; index < size; index += 1) {
        next.cell[index] = sigmoid(gate(1, index)) * cell[index] + sigmoid(gate(0, index)) * Math.tanh(gate(2, index));
        next.hidden[index] = sigmoid(gate(3, index)) * Math.tanh(next.cell[index]);
      }
      return next;
    },
    gru(layer, input, { hidden }) {
      const size = hidden.length, next = { hidden: new Float32Array(size) };
      const a = product(layer.input, input, layer.inputBias), b = product(layer.hidden, hidden, layer.hiddenBias);
      for (let index = 0; index < size; index += 1) {
        const reset = sigmoid(a[index] + b[index]), update = sigmoid(a[size + index] + b[size + index]);
        const fresh = Math.tanh(a[2 * size + index] + reset * b[2 * size + index]);
        next.hidden[index] = (1 - update) * fresh + update * hidden[index];
      }
      return next;
    },
  };

  function network(given) {
    const table = matrix(given.table), weight = matrix(given.weight), bias = floats(given.bias);
    const layers = given.layers.map((layer) => ({
      input: matrix(layer.input), hidden: matrix(layer.hidden),
      inputBias: floats(layer.input_bias), hiddenBias: floats(layer.hidden_bias),
    }));
    const ids = new Map(given.tokens.map((token, id) => [token, id]));
    const encoder = new TextEncoder();
    const byte = (value) => ids.get(`<0x${value.toString(16).toUpperCase().padStart(2, "0")}>`);
    const start = () => layers.map((layer) => {
      const size = layer.hidden.columns;
      return { hidden: new Float32Array(size), cell: new Float32Array(size) };
    });
    /* Log-probabilities of the next token, and the next state. */
    function step(id, state) {
      let features = new Float32Array(table.columns);
      for (let column = 0; column < table.columns; column += 1) {
        features[column] = table.values[id * table.columns + column] * table.scales[id];
      }
      const shown = new Float32Array(weight.columns); /* what the output layer reads of all layers */
      const following = layers.map((layer, index) => {
        const next = cells[given.cell](layer, features, state[index]);
        features = next.hidden.map((value) => given.gain * value);
        const share = index < layers.length - 1 ? given.lower_share : 1;
        features.forEach((value, place) => { shown[place] += share * value; });
        return next;
      });
      const logits = product(weight, shown, bias);
      const most = logits.reduce((one, other) => Math.max(one, other));
      const total = Math.log(logits.reduce((sum, value) => sum + Math.exp(value - most), 0)) + most;
      return [logits.map((value) => value - total), following];
    }
    /* A character, or the bytes of one that the vocabulary lacks. */
    const encode = (text) => Array.from(text).flatMap((char) =>
      ids.has(char) ? [ids.get(char)] : Array.from(encoder.encode(char), byte)).filter((id) => id !== undefined);
    return { name: given.name, tokens: given.tokens, start, step, encode };
  }

  /* Bits of a text after `before`, token by token. */
  function bitsOf(model, before, text) {
    let state = model.start(), logs = null, bits = 0;
    for (const id of model.encode(before)) [logs, state] = model.step(id, state);
    for (const id of model.encode(text)) {
      bits -= logs[id] / Math.LN2;
      [logs, state] = model.step(id, state);
    }
    return bits;
  }

  /* Uniform numbers from a seed (mulberry32). */
  function uniforms(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  function choose(logs, temperature, uniform) {
    if (temperature === 0) return logs.indexOf(logs.reduce((one, other) => Math.max(one, other)));
    const most = logs.reduce((one, other) => Math.max(one, other));
    const weights = logs.map((value) => Math.exp((value - most) / temperature));
    let left = uniform * weights.reduce((sum, value) => sum + value, 0);
    for (let id = 0; id < weights.length; id += 1) {
      left -= weights[id];
      if (left <= 0) return id;
    }
    return weights.length - 1;
  }

  const models = [];
  const modelOf = (index) => (models[index] ??= network(data.models[index]));
  let stopped = true;

  async function write() {
    const model = modelOf(at("model").value), next = uniforms(Number(at("seed").value));
    const temperature = Number(at("temperature").value), length = Number(at("length").value);
    const decoder = new TextDecoder(), encoder = new TextEncoder();
    const prompt = at("prompt").value, shown = at("text");
    stopped = false;
    at("stop").disabled = false;
    at("write").disabled = true;
    shown.replaceChildren(prompt);
    let state = model.start(), logs = null, bits = 0, number = 0;
    for (const id of model.encode(`\n${prompt}`)) [logs, state] = model.step(id, state);
    let until = performance.now() + 50;
    while (number < length && !stopped) {
      const id = choose(logs, temperature, next());
      bits -= logs[id] / Math.LN2;
      const byte = /^<0x([0-9A-F]{2})>$/.exec(model.tokens[id]);
      const text = decoder.decode(byte ? Uint8Array.of(parseInt(byte[1], 16)) : encoder.encode(model.tokens[id]), { stream: true });
      shown.append(text);
      number += Array.from(text).length || 0.25;
      [logs, state] = model.step(id, state);
      if (performance.now() > until) {
        await new Promise((resolve) => setTimeout(resolve));
        until = performance.now() + 50;
      }
    }
    at("bits").textContent = `${(bits / Math.max(number, 1)).toFixed(2)} bits per character, by the model itself`;
    at("stop").disabled = true;
    at("write").disabled = false;
  }

  data.models.forEach((each, index) => at("model").append(option(index, each.name)));
  at("write").addEventListener("click", write);
  at("stop").addEventListener("click", () => { stopped = true; });
  document.querySelector(".writer").hidden = false;
  return { modelOf, bitsOf };
})();
