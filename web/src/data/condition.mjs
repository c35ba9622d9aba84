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

/** Compiles a condition to a function of a row lookup: (name) => value. */
export function compile(text, names) {
  const tokens = tokenize(text);
  let at = 0;
  const word = () => tokens[at]?.toLowerCase();
  const take = (w) => {
    if (word() !== w) return false;
    at++;
    return true;
  };
  const expect = (w) => {
    if (!take(w)) throw new Error(`the condition needs "${w}" before "${tokens[at] ?? "its end"}"`);
  };
  function primary() {
    const t = tokens[at++];
    if (t === undefined) throw new Error("the condition ends too early");
    if (t === "(") {
      const inner = or();
      expect(")");
      return inner;
    }
    if (t === "-") {
      const inner = primary();
      return (row) => -inner(row);
    }
    if (t[0] === "'") {
      const s = t.slice(1, -1).replaceAll("''", "'");
      return () => s;
    }
    if (/^\d/.test(t)) {
      const v = Number(t);
      return () => v;
    }
    const name = t[0] === '"' ? t.slice(1, -1) : t.toLowerCase();
    if (!names.includes(name)) throw new Error(`there is no column "${name}"; there are ${names.join(", ")}`);
    return (row) => row(name);
  }
  function sum() {
    let left = primary();
    while (["+", "-", "*", "/"].includes(tokens[at])) {
      const op = tokens[at++];
      const l = left;
      const r = primary();
      left = (row) => {
        const a = l(row);
        const b = r(row);
        return op === "+" ? a + b : op === "-" ? a - b : op === "*" ? a * b : a / b;
      };
    }
    return left;
  }
  function comparison() {
    const l = sum();
    if (take("between")) {
      const lo = sum();
      expect("and");
      const hi = sum();
      return (row) => l(row) >= lo(row) && l(row) <= hi(row);
    }
    if (take("in")) {
      expect("(");
      const list = [sum()];
      while (take(",")) list.push(sum());
      expect(")");
      return (row) => list.some((x) => x(row) === l(row));
    }
    const op = tokens[at];
    if (!["=", "!=", "<>", "<", ">", "<=", ">="].includes(op)) return l;
    at++;
    const r = sum();
    return (row) => {
      const a = l(row);
      const b = r(row);
      if (op === "=") return a === b;
      if (op === "!=" || op === "<>") return a !== b;
      if (op === "<") return a < b;
      if (op === ">") return a > b;
      return op === "<=" ? a <= b : a >= b;
    };
  }
  function not() {
    if (take("not")) {
      const inner = not();
      return (row) => !inner(row);
    }
    return comparison();
  }
  function and() {
    let left = not();
    while (take("and")) {
      const l = left;
      const r = not();
      left = (row) => l(row) && r(row);
    }
    return left;
  }
  function or() {
    let left = and();
    while (take("or")) {
      const l = left;
      const r = and();
      left = (row) => l(row) || r(row);
    }
    return left;
  }
  const result = or();
  if (at < tokens.length) throw new Error(`the condition does not understand "${tokens[at]}"`);
  return result;
}
