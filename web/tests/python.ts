import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

/** The Python that has the recorder's packages. */
const python = process.env.DVI_PYTHON ?? (existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3");

// Reads a line of JSON, runs it as a program, and answers with what it left in `answer`.
const loop = `
import json, sys
import numpy as np
import dvi
names = {"dvi": dvi, "np": np}
for line in sys.stdin:
    names["answer"] = None
    try:
        exec(json.loads(line), names)
        said = {"answer": names["answer"]}
    except Exception as e:
        said = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(said), flush=True)
`;

/** A Python process in which the tests' page was opened, as a notebook's kernel is. */
export class Kernel {
  private readonly process: ChildProcess;
  private readonly waiting: ((line: string) => void)[] = [];

  constructor(program: string) {
    this.process = spawn(python, ["-c", loop], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, DVI: program, DVI_PROXY: "", PYTHONPATH: resolve(__dirname, "../../python") },
    });
    createInterface({ input: this.process.stdout! }).on("line", (line) => this.waiting.shift()?.(line));
    this.process.on("exit", () => {
      for (const tell of this.waiting) tell(JSON.stringify({ error: "Python ended" }));
    });
  }

  /** Runs a cell; resolves to what it left in `answer`. */
  async run<T = unknown>(cell: string): Promise<T> {
    const line = await new Promise<string>((done) => {
      this.waiting.push(done);
      this.process.stdin!.write(`${JSON.stringify(cell)}\n`);
    });
    const said = JSON.parse(line) as { answer: T; error?: string };
    if (said.error) throw new Error(said.error);
    return said.answer;
  }

  end(): void {
    this.process.stdin!.end();
  }
}
