// A small part of the server's SQL conditions, for copies of the page that have no server: comparisons, and/or/not,
// parentheses, in (...), between, arithmetic.

function tokenize(text) {
  const tokens = [];
  const pattern = /\s+|('(?:[^']|'')*'|"[^"]*"|[A-Za-z_][\w]*|\d+(?:\.\d+)?|<>|<=|>=|!=|[=<>(),+*/-])/gy;
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) throw new Error(`the condition has an unexpected "${text[at]}" at character ${at + 1}`);
    if (match[1]) tokens.push(match[1]);
    at = pattern.lastIndex;
  }
  return tokens;
}

const comparisons = {
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<>": (a, b) => a !== b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
};
const arithmetic = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
};

/** Recursive descent; every method takes what it is named after and returns a function of a row. */
class Parser {
  constructor(text, names) {
    this.tokens = tokenize(text);
    this.names = names;
    this.at = 0;
  }

  all() {
    const result = this.or();
    if (this.at < this.tokens.length)
      throw new Error(`the condition does not understand "${this.tokens[this.at]}"`);
    return result;
  }

  take(word) {
    if (this.tokens[this.at]?.toLowerCase() !== word) return false;
    this.at++;
    return true;
  }

  expect(word) {
    if (!this.take(word))
      throw new Error(`the condition needs "${word}" before "${this.tokens[this.at] ?? "its end"}"`);
  }

  primary() {
    const t = this.tokens[this.at++];
    if (t === undefined) throw new Error("the condition ends too early");
    if (t === "(") {
      const inner = this.or();
      this.expect(")");
      return inner;
    }
    if (t === "-") {
      const inner = this.primary();
      return (row) => -inner(row);
    }
    if (t[0] === "'") {
      const text = t.slice(1, -1).replaceAll("''", "'");
      return () => text;
    }
    if (/^\d/.test(t)) return () => Number(t);
    return this.column(t[0] === '"' ? t.slice(1, -1) : t.toLowerCase());
  }

  column(name) {
    const { names } = this;
    if (!names.includes(name)) throw new Error(`there is no column "${name}"; there are ${names.join(", ")}`);
    return (row) => row(name);
  }

  sum() {
    let left = this.primary();
    for (let apply = arithmetic[this.tokens[this.at]]; apply; apply = arithmetic[this.tokens[this.at]]) {
      this.at++;
      const [l, r, f] = [left, this.primary(), apply];
      left = (row) => f(l(row), r(row));
    }
    return left;
  }

  comparison() {
    const l = this.sum();
    if (this.take("between")) {
      const low = this.sum();
      this.expect("and");
      const high = this.sum();
      return (row) => l(row) >= low(row) && l(row) <= high(row);
    }
    if (this.take("in")) {
      const list = this.list();
      return (row) => list.some((x) => x(row) === l(row));
    }
    const compare = comparisons[this.tokens[this.at]];
    if (!compare) return l;
    this.at++;
    const r = this.sum();
    return (row) => compare(l(row), r(row));
  }

  list() {
    this.expect("(");
    const list = [this.sum()];
    while (this.take(",")) list.push(this.sum());
    this.expect(")");
    return list;
  }

  not() {
    if (!this.take("not")) return this.comparison();
    const inner = this.not();
    return (row) => !inner(row);
  }

  and() {
    let left = this.not();
    while (this.take("and")) {
      const [l, r] = [left, this.not()];
      left = (row) => l(row) && r(row);
    }
    return left;
  }

  or() {
    let left = this.and();
    while (this.take("or")) {
      const [l, r] = [left, this.and()];
      left = (row) => l(row) || r(row);
    }
    return left;
  }
}

/** Compiles a condition to a function of a row lookup: (name) => value. */
export function compile(text, names) {
  return new Parser(text, names).all();
}
