import { beforeEach, describe, expect, it, vi } from "vitest";
import { initialState, Store } from "../state/store";
import type { Api, SessionState } from "./api";
import { Session } from "./session";

/** A server's session, whose answers may be held back. */
class Server {
  state: SessionState = { version: 0, selection: [], samples: [] };
  asked = 0;
  hold: Promise<void> = Promise.resolve();

  async session(): Promise<SessionState> {
    this.asked++;
    const answer = structuredClone(this.state);
    await this.hold;
    return answer;
  }
  async shareSelection(_run: number, _name: string, ids: readonly number[]): Promise<{ version: number }> {
    this.state = { ...this.state, version: this.state.version + 1, selection: [...ids] };
    return { version: this.state.version };
  }
}

describe("a session", () => {
  let server: Server;
  let store: Store;
  let session: Session;
  const samples = vi.fn(async () => {});
  const settled = () => vi.advanceTimersByTimeAsync(500);

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("window", { setTimeout });
    samples.mockClear();
    server = new Server();
    store = new Store({ ...initialState });
    session = new Session("ab", server as unknown as Api, store, {
      selection: (ids) => store.set({ selection: ids }),
      samples,
      error: (message) => expect(message).toBe(""),
    });
  });

  it("takes over what the notebook set before the page was opened", async () => {
    server.state = { version: 3, selection: [5, 2], samples: [] };
    session.open(0);
    await settled();
    expect(store.state.selection).toEqual([5, 2]);
    expect(server.state.version).toBe(3);
  });

  it("tells what was selected before, where nothing was shared yet", async () => {
    store.set({ selection: [7] });
    session.open(0);
    await settled();
    expect(server.state.selection).toEqual([7]);
  });

  it("tells a selection once it rests, and does not take it for another's", async () => {
    session.open(0);
    await settled();
    store.set({ selection: [1] });
    store.set({ selection: [1, 2] });
    await settled();
    expect(server.state).toMatchObject({ version: 1, selection: [1, 2] });
    void session.sync();
    await settled();
    expect(server.state.version).toBe(1);
  });

  it("lets the later of two changes stay", async () => {
    session.open(0);
    await settled();
    // The notebook's comes while the page's own is on its way.
    store.set({ selection: [1] });
    server.state = { version: 1, selection: [9], samples: [] };
    void session.sync();
    await settled();
    expect(server.state.selection).toEqual([1]);
    expect(store.state.selection).toEqual([1]);
    server.state = { version: 5, selection: [9], samples: [] };
    void session.sync();
    await settled();
    expect(store.state.selection).toEqual([9]);
  });

  it("does not go back to an answer that has been overtaken", async () => {
    session.open(0);
    await settled();
    let release = () => {};
    server.hold = new Promise((done) => {
      release = done;
    });
    server.state = { version: 1, selection: [9], samples: [] };
    void session.sync();
    store.set({ selection: [1] });
    await settled();
    expect(server.state).toMatchObject({ version: 2, selection: [1] });
    release();
    await settled();
    expect(store.state.selection).toEqual([1]);
  });

  it("hands over samples, and asks once for many events", async () => {
    const shared = [{ id: 1, count: 2, inputs: true, thrown_away: [] }];
    server.state = { version: 1, selection: [], samples: shared };
    session.open(0);
    for (let k = 0; k < 5; ++k) void session.sync();
    await settled();
    expect(server.asked).toBeLessThanOrEqual(2);
    expect(samples).toHaveBeenLastCalledWith(shared);
  });

  it("follows a server that was started anew", async () => {
    server.state = { version: 9, selection: [4], samples: [] };
    session.open(0);
    await settled();
    server.state = { version: 0, selection: [], samples: [] };
    session.reconnected();
    await settled();
    expect(server.state.selection).toEqual([4]);
  });
});
