// Serves synthetic runs by the same API as `dvi serve` (docs/reference/http-api.md), and the built page,
// for tests, screenshots and benchmarks. Usage: node mock/server.mjs [--port 8808] [--run
// NAME:SAMPLES:CLASSES:EPOCHS[:FITTED]]... [--page DIR]

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { compile } from "../src/data/condition.mjs";
import { greyPng } from "./png.mjs";
import { SyntheticRun } from "./synthetic.mjs";

const eventKinds = ["flip", "forgotten", "learned", "confidence", "move"];
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
  "worker-src 'self'; font-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

class Served {
  constructor(run, fitted) {
    this.run = run;
    this.fitted = Math.min(fitted, run.epochCount);
    this.revision = 1;
    this.selections = new Map();
  }

  get epochs() {
    return Array.from({ length: this.fitted }, (_, i) => i + 1);
  }

  trainingSet(e) {
    const { run } = this;
    const train = run.groups[0].count;
    const out = new Uint8Array(run.n);
    const share = run.active ? 0.2 + (0.8 * e) / run.epochCount : 1;
    out.fill(1, 0, Math.round(train * share));
    return out;
  }

  column(name, e) {
    const { run } = this;
    if (name === "is_noisy") return run.noisy;
    if (name === "original_label") return Float32Array.from(run.truth);
    if (name === "uncertainty") {
      const { confidence } = run.epoch(e);
      return Float32Array.from(confidence, (c) => 1 - c / 255);
    }
    throw new Problem(404, `there is no column "${name}"; see /api/runs/R for the columns there are`);
  }

  events() {
    const { run } = this;
    return run.kept(`events${this.fitted}`, () => {
      const list = [];
      for (let e = 2; e <= this.fitted; ++e) {
        const a = run.epoch(e - 1);
        const b = run.epoch(e);
        let sum = 0;
        let squares = 0;
        const moved = new Float32Array(run.n);
        for (let i = 0; i < run.n; ++i) {
          const dx = b.positions[2 * i] - a.positions[2 * i];
          const dy = b.positions[2 * i + 1] - a.positions[2 * i + 1];
          moved[i] = (Math.sqrt(dx * dx + dy * dy) / 65535) * 28;
          sum += moved[i];
          squares += moved[i] * moved[i];
        }
        const mean = sum / run.n;
        const limit = mean + 2 * Math.sqrt(Math.max(0, squares / run.n - mean * mean));
        const kinds = [[], [], [], [], []];
        for (let i = 0; i < run.n; ++i) {
          const from = a.predictions[i];
          const to = b.predictions[i];
          const jump = (b.confidence[i] - a.confidence[i]) / 255;
          if (from !== to) kinds[0].push([i, e, 0, from, to, jump]);
          if (from === run.labels[i] && to !== from) kinds[1].push([i, e, 1, from, to, jump]);
          if (to === run.labels[i] && to !== from) kinds[2].push([i, e, 2, from, to, jump]);
          if (Math.abs(jump) > 0.5) kinds[3].push([i, e, 3, from, to, jump]);
          if (moved[i] > limit) kinds[4].push([i, e, 4, from, to, moved[i]]);
        }
        list.push(...kinds);
      }
      const all = list.flat();
      const counts = {};
      for (const e of this.epochs) counts[e] = [0, 0, 0, 0, 0];
      for (const event of all) counts[event[1]][event[2]]++;
      return { all, counts };
    });
  }

  viewInfo() {
    const { run } = this;
    const test = run.groups[1] ?? run.groups[0];
    return {
      key: `${run.name}-${run.seed}-1`,
      epochs: this.epochs,
      pending: Array.from(
        { length: Math.min(3, run.epochCount - this.fitted) },
        (_, i) => this.fitted + 1 + i,
      ),
      extent: run.extent,
      frame: this.fitted ? run.frame(run.n <= 200000 ? this.epochs : [this.fitted]) : run.extent,
      moved: true,
      territory: { size: 256, revision: 1 },
      state: this.fitted < run.epochCount ? "following" : "done",
      metrics: this.epochs.map((e) => {
        const p = run.progress(e);
        const figures = (d) => ({
          nn_15: 1 + 2.2 * p - d,
          nn_10: 0.8 + 1.7 * p - d,
          nn_20: 1.2 + 2.7 * p - d,
          boundary_15: 2 + 3 * p,
          boundary_15_chance: 0.4,
          ppr: 0.88 + 0.1 * p - 0.02 * d,
          ppr_fitted: 0.7 + 0.22 * p - 0.02 * d,
          moved_share: 0.2 - 0.1 * p,
          moved_mean: 0.03 - 0.01 * p,
          margin_rank: 0.8 + 0.1 * p,
          ccr: 0.08 - 0.06 * p,
          mse: 0.04 - 0.02 * p,
          trustworthiness_15: 0.9 + 0.07 * p,
          continuity_15: 0.93 + 0.04 * p,
        });
        return {
          epoch: e,
          train: figures(0),
          test: figures(0.2),
          boundary: { ppr: 0.8 + 0.15 * p, keep_boundary: 0.7 + 0.2 * p },
          territory_parts: 24 - Math.round(10 * p),
        };
      }),
      run_metrics: { temporal_pearson: -0.31, tlr: 0.88, tnn_3: 0.64 },
      events: { kinds: eventKinds, counts: run.n <= 200000 ? this.events().counts : {} },
      boundary_from: "inputs",
      preset: "default",
      settings: { k: 15, seed: 1 },
      test_accuracy: run.n <= 200000 ? run.accuracy(this.fitted, test) : 0,
    };
  }

  info(id) {
    const { run } = this;
    const small = run.n <= 200000;
    return {
      id,
      name: run.name,
      classes: run.classes,
      groups: run.groups,
      sample_count: run.n,
      feature_dim: 512,
      inputs: { kind: "image", shape: [28, 28, 1] },
      training_sets: run.active,
      columns: [
        {
          name: "is_noisy",
          title: "Noisy label",
          type: "category",
          per_epoch: false,
          categories: ["clean", "noisy"],
        },
        {
          name: "original_label",
          title: "Original label",
          type: "category",
          per_epoch: false,
          categories: run.classes,
        },
        { name: "uncertainty", title: "Uncertainty", type: "number", per_epoch: true, min: 0, max: 1 },
      ],
      epochs: Array.from({ length: run.epochCount }, (_, j) => {
        const e = j + 1;
        const p = run.progress(e);
        return {
          epoch: e,
          train_loss: 2.2 * Math.exp(-2.6 * p) + 0.05,
          train_accuracy: small ? run.accuracy(e, run.groups[0]) : 0.5 + 0.45 * p,
          test_accuracy: small && run.groups[1] ? run.accuracy(e, run.groups[1]) : 0.5 + 0.4 * p,
        };
      }),
      finished: this.fitted >= run.epochCount,
      views: ["default"],
    };
  }

  row(e) {
    const { run } = this;
    const at = run.epoch(e);
    const training = this.trainingSet(e);
    const before = this.trainingSet(Math.max(1, e - 1));
    return {
      names: [
        "id",
        "label",
        "prediction",
        "runner_up",
        "group",
        "role",
        "correct",
        "confidence",
        "margin",
        "kept",
        "round_trip_ok",
        "moved",
        "boundary",
        "in_training_set",
        "newly_selected",
        "epoch",
        "flips",
        "first_learned",
        "last_forgotten",
        "is_noisy",
        "is_noisy_id",
        "original_label",
        "uncertainty",
      ],
      lookup: (i) => (name) => {
        switch (name) {
          case "id":
            return i;
          case "label":
            return run.classes[run.labels[i]];
          case "prediction":
            return run.classes[at.predictions[i]];
          case "runner_up":
            return run.classes[at.runnerUp[i]];
          case "group":
            return run.groups.find((g) => i < g.begin + g.count).name;
          case "role":
            return run.groups.find((g) => i < g.begin + g.count).role;
          case "correct":
            return at.predictions[i] === run.labels[i] ? 1 : 0;
          case "confidence":
            return at.confidence[i] / 255;
          case "margin":
            return at.margin[i] / 255;
          case "kept":
            return at.kept[i];
          case "round_trip_ok":
            return at.roundTrip[i] === at.predictions[i] ? 1 : 0;
          case "moved":
            return run.moved(e)[i] / 65535;
          case "boundary":
            return at.margin[i] < 25.5 ? 1 : 0;
          case "in_training_set":
            return training[i];
          case "newly_selected":
            return e > 1 && training[i] && !before[i] ? 1 : 0;
          case "epoch":
            return e;
          case "is_noisy":
            return run.noisy[i] ? "noisy" : "clean";
          case "is_noisy_id":
            return run.noisy[i];
          case "original_label":
            return run.truth[i];
          case "uncertainty":
            return 1 - at.confidence[i] / 255;
          default:
            return this.trajectory(name)[i];
        }
      },
    };
  }

  trajectory(name) {
    const { run } = this;
    return run.kept(`trajectory/${name}/${this.fitted}`, () => {
      const out = new Float32Array(run.n);
      for (const event of this.events().all) {
        if (name === "flips" && event[2] === 0) out[event[0]]++;
        if (name === "first_learned" && event[2] === 2 && !out[event[0]]) out[event[0]] = event[1];
        if (name === "last_forgotten" && event[2] === 1) out[event[0]] = event[1];
      }
      return out;
    });
  }

  ids(where, e) {
    const { names, lookup } = this.row(e);
    let test;
    try {
      test = compile(where, names);
    } catch (error) {
      throw new Problem(400, `${error.message}`);
    }
    const out = [];
    for (let i = 0; i < this.run.n; ++i) if (test(lookup(i))) out.push(i);
    return out;
  }

  why(id, from, to) {
    const { run } = this;
    const at = run.epoch(from);
    const pushers = run.neighbors(from, id, true).map((n, k) => ({
      id: n.id,
      share: 0.2 / (k + 1),
      label: run.labels[n.id],
      prediction: at.predictions[n.id],
    }));
    return {
      sample: id,
      from,
      to,
      from_class: at.predictions[id],
      to_class: run.epoch(to).predictions[id],
      hit_rate: 0.9,
      flips: 100,
      explained: 0.5,
      margin_change: 1,
      predicted_change: 1,
      known: true,
      doubt: null,
      pushers: pushers.slice(0, 8),
      against: pushers.slice(8),
    };
  }

  card(id, e) {
    const { run } = this;
    const at = run.epoch(e);
    const group = run.groups.find((g) => id < g.begin + g.count);
    const rest = 1 - at.confidence[id] / 255;
    const others = [at.runnerUp[id]];
    for (let k = 0; others.length < Math.min(4, run.c - 1); ++k) {
      const c = k % run.c;
      if (c !== at.predictions[id] && !others.includes(c)) others.push(c);
    }
    const history = { epochs: this.epochs, predictions: [], confidence: [] };
    for (const h of this.epochs) {
      const there = run.epoch(h);
      history.predictions.push(there.predictions[id]);
      history.confidence.push(there.confidence[id] / 255);
    }
    return {
      id,
      group: group.name,
      role: group.role,
      label: run.labels[id],
      ...(run.noisy[id] ? { original_label: run.truth[id] } : {}),
      prediction: at.predictions[id],
      confidence: at.confidence[id] / 255,
      margin: at.margin[id] / 255,
      top: [
        { class: at.predictions[id], probability: at.confidence[id] / 255 },
        ...others.map((c, j) => ({ class: c, probability: rest * [0.7, 0.2, 0.07, 0.03][j] })),
      ],
      history,
      neighbors: { features: run.neighbors(e, id, true), plane: run.neighbors(e, id, false) },
      kept: at.kept[id],
      round_trip: at.roundTrip[id],
      columns: { is_noisy: run.noisy[id], original_label: run.truth[id], uncertainty: rest },
    };
  }

  findings() {
    const { run } = this;
    const epoch = this.fitted;
    const at = run.epoch(epoch);
    const samples = [];
    for (let i = 0; i < run.groups[0].count && samples.length < 200; ++i)
      if (at.predictions[i] !== run.labels[i]) samples.push(i);
    const one = (kind, classes, text) => ({
      kind,
      from: this.epochs[0],
      to: epoch,
      classes,
      samples,
      score: 0.9,
      text,
      link: `#epoch=${epoch}&color=correct&panel=findings`,
    });
    return [
      one("label_noise", [0, 1], "About 8 % of the training labels seem to be wrong (synthetic stand-in)."),
      one("confusion", [0, 1], "The first two classes are still confused (synthetic stand-in)."),
    ];
  }

  suspects(limit, judged) {
    const { run } = this;
    const list = [];
    const flips = this.trajectory("flips");
    const at = run.epoch(this.fitted);
    for (let i = 0; i < run.groups[0].count; ++i) {
      if (judged.has(i)) continue;
      const wrong = at.predictions[i] !== run.labels[i];
      const confidence = at.confidence[i] / 255;
      const score = (wrong ? confidence : 0) + 0.05 * flips[i];
      if (score < 0.1) continue;
      const kind = wrong && confidence > 0.8 ? "wrong label" : flips[i] > 1 ? "unstable" : "ambiguous";
      const reason =
        kind === "wrong label"
          ? `labelled ${run.classes[run.labels[i]]}, predicted ${run.classes[at.predictions[i]]} with confidence ${confidence.toFixed(2)}`
          : kind === "unstable"
            ? `its prediction flipped ${flips[i]} times`
            : `margin ${(at.margin[i] / 255).toFixed(2)} between two classes`;
      list.push({ id: i, score, kind, reason, scores: { margin_area: 1 - score, forgetting: flips[i] } });
    }
    list.sort((a, b) => b.score - a.score);
    return {
      suspects: list.slice(0, limit),
      method: "Mean margin over the epochs, forgetting events and mean confidence (synthetic stand-in).",
    };
  }
}

function parts(...arrays) {
  return Buffer.concat(arrays.map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength)));
}

function selectionList(served) {
  return { selections: [...served.selections.values()] };
}

async function answer(server, method, path, query, body) {
  const { runs } = server;
  if (path === "/api/runs")
    return { runs: runs.map((s, id) => ({ id, name: s.run.name, views: ["default"] })), version: "mock" };
  const match = /^\/api\/runs\/(\d+)(?:\/(.*))?$/.exec(path);
  const served = match && runs[Number(match[1])];
  if (!served) throw new Problem(404, `there is no ${path} here`);
  const rest = match[2] ?? "";
  const { run } = served;
  if (rest === "") return served.info(Number(match[1]));
  if (rest === "labels") return parts(run.labels);
  if (rest === "training_set") return parts(served.trainingSet(Number(query.get("epoch") ?? 1)));
  if (rest.startsWith("columns/"))
    return parts(served.column(rest.slice(8), Number(query.get("epoch") ?? 1)));
  if (rest === "query_columns")
    return {
      columns: served.row(1).names.map((name) => ({
        name,
        type: ["label", "prediction", "runner_up", "group", "role"].includes(name) ? "text" : "number",
        meaning: `the sample's ${name.replaceAll("_", " ")}`,
      })),
    };
  if (rest === "why")
    return served.why(Number(query.get("id")), Number(query.get("from")), Number(query.get("to")));
  if (rest === "influence") {
    const before = run.epoch(body.from).predictions;
    const after = run.epoch(body.to).predictions;
    const pushes = new Float32Array(run.n);
    const changed = body.ids.filter((id) => before[id] !== after[id]);
    for (const id of changed) {
      const { pushers, against } = served.why(id, body.from, body.to);
      for (const p of pushers) pushes[p.id] += p.share / changed.length;
      for (const p of against) pushes[p.id] -= p.share / changed.length;
    }
    return parts(Int32Array.of(changed.length), pushes);
  }
  let m = /^inputs\/(\d+)\.png$/.exec(rest);
  if (m) return { png: greyPng(run.image(Number(m[1])), 28, 28) };
  if (rest === "thumbnails.png") {
    const ids = (query.get("ids") ?? "").split(",").filter(Boolean).map(Number);
    const size = Number(query.get("size") ?? 32);
    const out = new Uint8Array(size * ids.length * size);
    ids.forEach((id, j) => {
      const image = run.image(id);
      for (let y = 0; y < size; ++y)
        for (let x = 0; x < size; ++x)
          out[y * size * ids.length + j * size + x] =
            image[Math.floor((y * 28) / size) * 28 + Math.floor((x * 28) / size)];
    });
    return { png: greyPng(out, size * ids.length, size) };
  }
  if (rest === "selections") {
    if (method === "POST") {
      if (!/^[\w .-]{1,64}$/.test(body.name))
        throw new Problem(400, "a selection's name is 1 to 64 letters, digits, spaces, dots or dashes");
      served.selections.set(body.name, {
        name: body.name,
        count: body.ids.length,
        created: new Date().toISOString(),
        ids: body.ids,
      });
    }
    return selectionList(served);
  }
  m = /^selections\/(.+?)(\.csv)?$/.exec(rest);
  if (m) {
    const name = decodeURIComponent(m[1]);
    const kept = served.selections.get(name);
    if (!kept) throw new Problem(404, `there is no selection "${name}"`);
    if (method === "DELETE") {
      served.selections.delete(name);
      return selectionList(served);
    }
    const e = Number(query.get("epoch") ?? served.fitted);
    const at = run.epoch(e);
    const lines = kept.ids.map((i) =>
      [
        i,
        run.groups.find((g) => i < g.begin + g.count).name,
        run.classes[run.labels[i]],
        run.classes[at.predictions[i]],
        (at.confidence[i] / 255).toFixed(4),
      ].join(","),
    );
    return { csv: `id,group,label,prediction,confidence\n${lines.join("\n")}\n` };
  }
  m = /^views\/default(?:\/(.*))?$/.exec(rest);
  if (!m) throw new Problem(404, `there is no ${path} here`);
  const call = m[1] ?? "";
  if (call === "") return served.viewInfo();
  if (call === "trails") {
    const ids = (query.get("ids") ?? "").split(",").filter(Boolean).map(Number);
    const out = Buffer.alloc(4 + ids.length * served.fitted * 4);
    out.writeInt32LE(served.fitted, 0);
    ids.forEach((id, j) => {
      served.epochs.forEach((e, t) => {
        const { positions } = run.epoch(e);
        const o = 4 + (j * served.fitted + t) * 4;
        out.writeUInt16LE(positions[2 * id], o);
        out.writeUInt16LE(positions[2 * id + 1], o + 2);
      });
    });
    return out;
  }
  if (call === "events") {
    const from = Number(query.get("from") ?? 0);
    const to = Number(query.get("to") ?? 1e9);
    const kinds = query.get("kinds")?.split(",").map(Number);
    const found = served
      .events()
      .all.filter((e) => e[1] >= from && e[1] <= to && (!kinds || kinds.includes(e[2])));
    return { count: found.length, events: found.slice(0, 10000) };
  }
  if (call === "suspects") {
    const judged = new Set([...(body.accepted ?? []), ...(body.rejected ?? [])]);
    return served.suspects(Number(query.get("limit") ?? 100), judged);
  }
  if (call === "findings") return { findings: served.findings() };
  if (call === "query") {
    const start = performance.now();
    if (body.epochs === "each")
      return { epochs: served.epochs.map((e) => ({ epoch: e, ids: served.ids(body.where, e) })) };
    const ids = served.ids(body.where, body.epoch);
    return { epoch: body.epoch, count: ids.length, seconds: (performance.now() - start) / 1000, ids };
  }
  if (call === "compare") {
    const a = run.epoch(Number(query.get("a")));
    const other = query.has("run") ? runs[Number(query.get("run"))] : served;
    if (!other || other.run.n !== run.n) throw new Problem(400, "the two runs do not hold the same samples");
    const b = other.run.epoch(Number(query.get("b")));
    const ids = [];
    for (let i = 0; i < run.n; ++i) if (a.predictions[i] !== b.predictions[i]) ids.push(i);
    return {
      count: ids.length,
      ids,
      from: ids.map((i) => a.predictions[i]),
      to: ids.map((i) => b.predictions[i]),
    };
  }
  m = /^epochs\/(\d+)\/(\w+)$/.exec(call);
  const e = m && Number(m[1]);
  if (!m || e < 1 || e > served.fitted) throw new Problem(404, `epoch ${e ?? "?"} is not fitted`);
  const id = Number(query.get("id") ?? 0);
  if (id < 0 || id >= run.n)
    throw new Problem(404, `there is no sample ${id}; ids go from 0 to ${run.n - 1}`);
  switch (m[2]) {
    case "positions":
      return parts(run.epoch(e).positions);
    case "samples": {
      const s = run.epoch(e);
      return parts(s.predictions, s.runnerUp, s.roundTrip, s.confidence, s.margin, s.kept);
    }
    case "moved":
      return parts(run.moved(e));
    case "boundary": {
      const b = run.boundary(e);
      return parts(b.positions, b.classes);
    }
    case "territory": {
      const size = Number(query.get("size") ?? 256);
      const t = run.territory(e, size);
      return parts(t.classes, t.confidence, t.margin, run.fade(e, size));
    }
    case "trust":
      return parts(run.distances(e, Number(query.get("size") ?? 128)));
    case "neighbors":
      return {
        features: run.neighbors(e, id, true).map((n) => n.id),
        plane: run.neighbors(e, id, false).map((n) => n.id),
      };
    case "card":
      return served.card(id, e);
    case "back": {
      const near = run.neighbors(e, 0, true);
      return { nearest: near.map((n) => n.id), distances: near.map((n) => n.distance), familiarity: 0.5 };
    }
    case "decode": {
      const x = Number(query.get("x"));
      const y = Number(query.get("y"));
      const at = run.decode(e, x, y);
      const { positions } = run.epoch(e);
      const best = [];
      for (let i = 0; i < run.n; ++i) {
        const d = Math.hypot(
          (positions[2 * i] / 65535) * 28 - 14 - x,
          (positions[2 * i + 1] / 65535) * 28 - 14 - y,
        );
        if (best.length < 5 || d < best[4].distance) {
          best.push({ id: i, distance: d });
          best.sort((a, b) => a.distance - b.distance);
          if (best.length > 5) best.pop();
        }
      }
      return {
        prediction: at.k1,
        confidence: at.confidence,
        runner_up: at.k2,
        margin: at.margin,
        boundary: at.margin < 0.15,
        top: [
          { class: at.k1, probability: at.confidence },
          { class: at.k2, probability: 1 - at.confidence },
        ],
        nearest: best,
      };
    }
    default:
      throw new Problem(404, `there is no ${path} here`);
  }
}

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/** Starts the server; `specs` as for SyntheticRun plus `fitted`. Returns its address, and grow() and close(). */
export async function startMock({
  specs,
  port = 0,
  page = join(fileURLToPath(import.meta.url), "../../dist"),
}) {
  const state = { runs: specs.map((s) => new Served(new SyntheticRun(s), s.fitted ?? s.epochs)) };
  const listeners = new Set();
  /** the latest event of each run, with its number */
  const told = new Map();
  let events = 0;
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    const send = (status, type, body, cache) => {
      const headers = {
        "Content-Type": type,
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
      };
      headers["Cache-Control"] = cache ? "public, max-age=31536000, immutable" : "no-cache";
      let out = body;
      if (
        out.length > 1000 &&
        type !== "image/png" &&
        /gzip/.test(request.headers["accept-encoding"] ?? "")
      ) {
        out = gzipSync(out, { level: 1 });
        headers["Content-Encoding"] = "gzip";
      }
      response.writeHead(status, headers);
      response.end(out);
    };
    try {
      if (url.pathname === "/api/live") {
        response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
        response.write(": here\n\n");
        const since = Number(url.searchParams.get("since") ?? request.headers["last-event-id"] ?? Infinity);
        for (const { number, text } of told.values()) if (number > since) response.write(text);
        listeners.add(response);
        response.on("close", () => listeners.delete(response));
        return;
      }
      if (url.pathname.startsWith("/api/")) {
        let body = {};
        if (request.method === "POST") {
          const chunks = [];
          for await (const piece of request) chunks.push(piece);
          body = JSON.parse(Buffer.concat(chunks).toString() || "{}");
        }
        const result = await answer(state, request.method, url.pathname, url.searchParams, body);
        const kept = url.searchParams.has("v");
        if (Buffer.isBuffer(result)) send(200, "application/octet-stream", result, kept);
        else if (result.png) send(200, "image/png", result.png, true);
        else if (result.csv) send(200, "text/csv; charset=utf-8", Buffer.from(result.csv), false);
        else send(200, "application/json", Buffer.from(JSON.stringify(result)), false);
        return;
      }
      const file = normalize(url.pathname === "/" ? "/index.html" : url.pathname);
      const body = await readFile(join(page, file));
      send(200, types[extname(file)] ?? "application/octet-stream", body, file.startsWith("/assets/"));
    } catch (error) {
      const status = error instanceof Problem ? error.status : error.code === "ENOENT" ? 404 : 500;
      if (status === 500) console.error(error);
      send(status, "application/json", Buffer.from(JSON.stringify({ error: error.message })), false);
    }
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    /** Fits one more epoch of a run and tells the page. */
    grow(id = 0) {
      state.runs[id].fitted = Math.min(state.runs[id].fitted + 1, state.runs[id].run.epochCount);
      const number = ++events;
      const text = `id: ${number}\nevent: view\ndata: ${JSON.stringify({ run: id, view: "default" })}\n\n`;
      told.delete(id);
      told.set(id, { number, text });
      for (const l of listeners) l.write(text);
    },
    close() {
      for (const l of listeners) l.end();
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const specs = [];
  let port = 8808;
  let page;
  for (let i = 2; i < process.argv.length; i += 2) {
    const value = process.argv[i + 1];
    if (process.argv[i] === "--port") port = Number(value);
    else if (process.argv[i] === "--page") page = value;
    else if (process.argv[i] === "--run") {
      const [name, samples, classes, epochs, fitted] = value.split(":");
      specs.push({
        name,
        samples: Number(samples),
        classes: Number(classes),
        epochs: Number(epochs),
        fitted: fitted ? Number(fitted) : undefined,
        active: name.startsWith("active"),
      });
    } else throw new Error(`unknown option ${process.argv[i]}; there are --port, --page and --run`);
  }
  if (specs.length === 0) specs.push({ name: "fashion-mnist", samples: 6000, classes: 10, epochs: 12 });
  const mock = await startMock({ specs, port, ...(page ? { page } : {}) });
  console.log(`mock server at ${mock.url}`);
}
