// A run that never was: classes that start in a heap and part over the epochs, some samples that stay hard and some
// whose label is wrong. Predictions come from the same plane as the territory, so the two always agree.

const gauss = new Float32Array(65536);
{
  let s = 12345;
  const random = () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return (s + 0.5) / 4294967296;
  };
  for (let i = 0; i < gauss.length; ++i) {
    gauss[i] = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  }
}

export function hash(a, b = 0) {
  let h = Math.imul(a + 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x27d4eb2f, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return (h ^ (h >>> 15)) >>> 0;
}
const normal = (a, b) => gauss[hash(a, b) & 65535];
const share = (a, b) => hash(a, b) / 4294967296;

const fashion = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

/** What each of the ten classes is most often taken for. */
const confusions = [6, 3, 4, 0, 2, 7, 0, 9, 2, 7];

export class SyntheticRun {
  /** @param {{name: string, samples: number, classes: number, epochs: number, seed?: number}} spec */
  constructor(spec) {
    this.name = spec.name;
    this.n = spec.samples;
    this.c = spec.classes;
    this.epochCount = spec.epochs;
    this.seed = spec.seed ?? 0;
    this.active = spec.active ?? false;
    this.classes =
      this.c === 10
        ? fashion
        : Array.from({ length: this.c }, (_, i) => `class ${String(i).padStart(3, "0")}`);
    const test = Math.floor(this.n / 7);
    const adversarial = this.n >= 2000 ? Math.floor(this.n / 50) : 0;
    const train = this.n - test - adversarial;
    this.groups = [{ name: "train", role: "train", begin: 0, count: train }];
    if (test) this.groups.push({ name: "test", role: "test", begin: train, count: test });
    if (adversarial)
      this.groups.push({ name: "adversarial", role: "adversarial", begin: train + test, count: adversarial });
    this.extent = [-14, -14, 14, 14];
    this.truth = new Uint16Array(this.n);
    this.labels = new Int32Array(this.n);
    this.noisy = new Float32Array(this.n);
    for (let i = 0; i < this.n; ++i) {
      const k = hash(i, this.seed + 1) % this.c;
      this.truth[i] = k;
      const noisy = share(i, 2) < 0.015;
      this.noisy[i] = noisy ? 1 : 0;
      this.labels[i] = noisy ? (k + 1 + (hash(i, 3) % (this.c - 1))) % this.c : k;
    }
    this.cache = new Map();
  }

  progress(e) {
    return 1 - Math.exp((-3.2 * e) / this.epochCount);
  }

  centers(e) {
    const p = this.progress(e);
    const out = new Float64Array(2 * this.c);
    for (let k = 0; k < this.c; ++k) {
      const r = 10.5 * Math.sqrt((k + 0.6) / this.c) * (0.35 + 0.65 * p);
      const a = k * 2.399963 + 0.5 * (1 - p) + this.seed;
      out[2 * k] = r * Math.cos(a);
      out[2 * k + 1] = r * Math.sin(a);
    }
    return out;
  }

  spacing(e) {
    return ((10.5 * 1.9) / Math.sqrt(this.c)) * (0.35 + 0.65 * this.progress(e));
  }

  /** For every cell of a coarse grid the nearest centres, so that thousands of classes stay quick. */
  candidates(e) {
    const centers = this.centers(e);
    if (this.c <= 12) return { centers, near: null };
    const near = new Array(48 * 48);
    for (let y = 0; y < 48; ++y) {
      for (let x = 0; x < 48; ++x) {
        const px = -14 + ((x + 0.5) / 48) * 28;
        const py = -14 + ((y + 0.5) / 48) * 28;
        const best = [];
        for (let k = 0; k < this.c; ++k) {
          const d = (centers[2 * k] - px) ** 2 + (centers[2 * k + 1] - py) ** 2;
          if (best.length < 8 || d < best[7][0]) {
            best.push([d, k]);
            best.sort((a, b) => a[0] - b[0]);
            if (best.length > 8) best.pop();
          }
        }
        near[y * 48 + x] = Uint16Array.from(best, (b) => b[1]);
      }
    }
    return { centers, near };
  }

  /** Class, runner-up, confidence and margin at a point of the plane. */
  decode(e, x, y, table = this.table(e)) {
    const { centers, near } = table;
    const s = this.spacing(e);
    const temperature = s * s * (0.05 + 0.2 * (1 - this.progress(e)));
    let list = null;
    if (near) {
      const cx = Math.min(47, Math.max(0, Math.floor(((x + 14) / 28) * 48)));
      const cy = Math.min(47, Math.max(0, Math.floor(((y + 14) / 28) * 48)));
      list = near[cy * 48 + cx];
    }
    const count = list ? list.length : this.c;
    let k1 = 0;
    let k2 = 0;
    let d1 = Infinity;
    let d2 = Infinity;
    for (let j = 0; j < count; ++j) {
      const k = list ? list[j] : j;
      const dx = centers[2 * k] - x;
      const dy = centers[2 * k + 1] - y;
      const d = dx * dx + dy * dy;
      if (d < d1) {
        d2 = d1;
        k2 = k1;
        d1 = d;
        k1 = k;
      } else if (d < d2) {
        d2 = d;
        k2 = k;
      }
    }
    let total = 0;
    for (let j = 0; j < count; ++j) {
      const k = list ? list[j] : j;
      const d = (centers[2 * k] - x) ** 2 + (centers[2 * k + 1] - y) ** 2;
      total += Math.exp((d1 - d) / (2 * temperature));
    }
    return { k1, k2, confidence: 1 / total, margin: Math.min(1, (d2 - d1) / (s * s)) };
  }

  table(e) {
    return this.kept(`table${e}`, () => this.candidates(e));
  }

  kept(key, make) {
    if (!this.cache.has(key)) {
      if (this.cache.size > 60) this.cache.delete(this.cache.keys().next().value);
      this.cache.set(key, make());
    }
    return this.cache.get(key);
  }

  /** Everything about the samples at epoch e. */
  epoch(e) {
    return this.kept(`epoch${e}`, () => {
      const { n, c } = this;
      const table = this.table(e);
      const { centers } = table;
      const p = this.progress(e);
      const sigma = this.spacing(e) * (0.16 + 0.3 * (1 - p));
      const positions = new Uint16Array(2 * n);
      const predictions = new Uint16Array(n);
      const runnerUp = new Uint16Array(n);
      const roundTrip = new Uint16Array(n);
      const confidence = new Uint8Array(n);
      const margin = new Uint8Array(n);
      const kept = new Uint8Array(n);
      const adversarialFrom = this.groups[2]?.begin ?? n;
      for (let i = 0; i < n; ++i) {
        const k = this.truth[i];
        const other = c === 10 ? confusions[k] : (k + 1) % c;
        const hard = share(i, 4);
        let pull = hard < 0.06 ? 0.55 + 0.4 * share(i, 5) : hard < 0.15 ? (0.75 - p) * share(i, 5) : 0;
        if (i >= adversarialFrom) pull = 0.42 + 0.2 * share(i, 5);
        pull = Math.max(0, pull);
        const x =
          centers[2 * k] * (1 - pull) +
          centers[2 * other] * pull +
          sigma * (normal(i, 6) + 0.35 * normal(i, 100 + e));
        const y =
          centers[2 * k + 1] * (1 - pull) +
          centers[2 * other + 1] * pull +
          sigma * (normal(i, 7) + 0.35 * normal(i, 400 + e));
        positions[2 * i] = Math.max(0, Math.min(65535, Math.round(((x + 14) / 28) * 65535)));
        positions[2 * i + 1] = Math.max(0, Math.min(65535, Math.round(((y + 14) / 28) * 65535)));
        const at = this.decode(e, x, y, table);
        predictions[i] = at.k1;
        runnerUp[i] = at.k2;
        roundTrip[i] = share(i, 900 + e) < 0.02 + 0.1 * (1 - p) ? at.k2 : at.k1;
        confidence[i] = Math.round(at.confidence * 255);
        margin[i] = Math.round(at.margin * 255);
        kept[i] = Math.min(15, Math.floor(share(i, 50 + e) * (3 + 5 * p)));
      }
      return { positions, predictions, runnerUp, roundTrip, confidence, margin, kept };
    });
  }

  territory(e, size) {
    return this.kept(`territory${e}/${size}`, () => {
      const cells = size * size;
      const classes = new Uint16Array(cells);
      const confidence = new Uint8Array(cells);
      const margin = new Uint8Array(cells);
      const table = this.table(e);
      for (let y = 0; y < size; ++y) {
        for (let x = 0; x < size; ++x) {
          const px = -14 + ((x + 0.5) / size) * 28;
          const py = -14 + ((y + 0.5) / size) * 28;
          // A wobble makes the borders look drawn by a network instead of a ruler.
          const wx = px + 0.35 * Math.sin(py * 0.9 + e * 0.3);
          const wy = py + 0.35 * Math.sin(px * 0.8 - e * 0.2);
          const at = this.decode(e, wx, wy, table);
          const i = y * size + x;
          classes[i] = at.k1;
          confidence[i] = Math.round(at.confidence * 255);
          margin[i] = Math.round(at.margin * 255);
        }
      }
      return { classes, confidence, margin };
    });
  }

  boundary(e) {
    return this.kept(`boundary${e}`, () => {
      const count = Math.min(2000, Math.max(4, Math.round(this.n / this.c)));
      const positions = new Uint16Array(2 * count);
      const classes = new Uint16Array(2 * count);
      const table = this.table(e);
      for (let j = 0, tries = 0; j < count && tries < 200 * count; ++tries) {
        const x = -11 + 22 * share(tries, 31 + e);
        const y = -11 + 22 * share(tries, 77 + e);
        const at = this.decode(e, x, y, table);
        if (at.margin > 0.1) continue;
        positions[2 * j] = ((x + 14) / 28) * 65535;
        positions[2 * j + 1] = ((y + 14) / 28) * 65535;
        classes[2 * j] = at.k1;
        classes[2 * j + 1] = at.k2;
        ++j;
      }
      return { positions, classes };
    });
  }

  /** A tenth of the samples were moved after the fit, by up to a tenth of the picture. */
  moved(e) {
    return this.kept(`moved${e}`, () =>
      Uint16Array.from({ length: this.n }, (_, i) => (hash(i, e + 40) % 10 === 0 ? hash(i, e) % 6554 : 0)),
    );
  }

  /** Roughly what src/landscape/fade.cpp makes of exact distances. */
  fade(e, size) {
    const full = Math.min(0.25, Math.max(0.015, 0.75 / Math.sqrt(this.n)));
    // `distances` are in 1/255 of a quarter of the side.
    return this.distances(e, size).map((d) => {
      const t = Math.min(1, Math.max(0, (3 * full - d / 1020) / (2 * full)));
      return Math.round(t * t * (3 - 2 * t) * 255);
    });
  }

  /** Box around 98 % of the samples of every epoch, in plane units. */
  frame(epochs) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (const e of epochs) {
      const { positions } = this.epoch(e);
      const step = Math.max(1, Math.floor(this.n / 5000));
      for (const axis of [0, 1]) {
        const values = [];
        for (let i = 0; i < this.n; i += step) values.push((positions[2 * i + axis] / 65535) * 28 - 14);
        values.sort((a, b) => a - b);
        const cut = Math.floor(values.length / 100);
        box[axis] = Math.min(box[axis], values[cut]);
        box[axis + 2] = Math.max(box[axis + 2], values[values.length - 1 - cut]);
      }
    }
    return box;
  }

  distances(e, size) {
    return this.kept(`distances${e}/${size}`, () => {
      const { positions } = this.epoch(e);
      const out = new Float32Array(size * size).fill(1e9);
      for (let i = 0; i < this.n; ++i) {
        out[((positions[2 * i + 1] * size) >> 16) * size + ((positions[2 * i] * size) >> 16)] = 0;
      }
      for (const [from, to, step] of [
        [0, size, 1],
        [size - 1, -1, -1],
      ]) {
        for (let y = from; y !== to; y += step) {
          for (let x = from; x !== to; x += step) {
            const i = y * size + x;
            if (x - step >= 0 && x - step < size) out[i] = Math.min(out[i], out[i - step] + 1);
            if (y - step >= 0 && y - step < size) out[i] = Math.min(out[i], out[i - step * size] + 1);
          }
        }
      }
      return Uint8Array.from(out, (d) => Math.min(255, Math.round((d / size) * 4 * 255)));
    });
  }

  /** Nearest other samples in the plane, or, shifted by a fixed noise, in a made-up feature space. */
  neighbors(e, id, features) {
    const { positions } = this.epoch(e);
    const step = Math.max(1, Math.floor(this.n / 60000));
    const best = [];
    const jitter = (i) => (features ? ((hash(i, 8) & 4095) - 2048) * 1.2 : 0);
    const x = positions[2 * id] + jitter(id);
    const y = positions[2 * id + 1] + jitter(id + 1);
    for (let i = 0; i < this.n; i += step) {
      if (i === id || (features && this.truth[i] !== this.truth[id])) continue;
      const d = (positions[2 * i] + jitter(i) - x) ** 2 + (positions[2 * i + 1] + jitter(i + 1) - y) ** 2;
      if (best.length < 15 || d < best[best.length - 1][0]) {
        best.push([d, i]);
        best.sort((a, b) => a[0] - b[0]);
        if (best.length > 15) best.pop();
      }
    }
    return best.map(([d, i]) => ({ id: i, distance: (Math.sqrt(d) / 65535) * 28 }));
  }

  accuracy(e, group) {
    const { predictions } = this.epoch(e);
    let right = 0;
    for (let i = group.begin; i < group.begin + group.count; ++i)
      if (predictions[i] === this.labels[i]) ++right;
    return group.count ? right / group.count : 0;
  }

  image(id) {
    const k = this.truth[id];
    const out = new Uint8Array(28 * 28);
    for (let y = 0; y < 28; ++y) {
      for (let x = 0; x < 28; ++x) {
        const u = Math.min(x, 27 - x) >> 2;
        const v = y >> 2;
        const on = (hash(k * 64 + u * 8 + v, 11) & 3) > 1 && x > 2 && x < 25 && y > 1 && y < 26;
        out[y * 28 + x] = Math.max(
          0,
          Math.min(255, (on ? 190 : 12) + normal(id * 784 + y * 28 + x, 12) * 22),
        );
      }
    }
    return out;
  }
}
