import { describe, expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { turn } from "../../tests/waiting.ts";
import type { MemberState } from "../cluster/cluster.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import { Switchboard } from "../cluster/switchboard.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { UserClaims } from "./user-claims.ts";

/** Two workers of one server, each with its own clock, so that one can go silent. */
async function world(mode: "reject" | "replace") {
  const meeting = new MovedClock();
  const switchboard = new Switchboard(meeting, 6000);
  const make = async (name: string) => {
    const clock = new MovedClock();
    const state: MemberState = { name, pid: 1, isDraining: false };
    const peers = new Peers(new MemoryCluster(switchboard, state, clock), clock);
    const closed: string[] = [];
    const doubted: string[] = [];
    const open = new Set<string>();
    const events = {
      onReplaced: (id: string) => closed.push(id),
      onProbe: (id: string) => {
        doubted.push(id);
        return open.has(id) ? ("open" as const) : ("gone" as const);
      },
    };
    const claims = new UserClaims(mode, peers, events);
    await peers.start();
    const claim = (connectionId: string, predecessorId?: string, formerId?: string) =>
      claims.claim({ userId: "u", connectionId, predecessorId, formerId });
    const take = async (...claimant: Parameters<typeof claim>) => {
      await claim(...claimant);
      claims.opened(claimant[0]);
      open.add(claimant[0]);
    };
    const release = (connectionId: string, successor?: string) => {
      open.delete(connectionId);
      claims.release("u", connectionId, successor);
    };
    return { clock, peers, closed, doubted, claim, take, release };
  };
  const [a, b] = [await make("a"), await make("b")];
  const settle = turn;
  await settle();
  /** Stops worker a until its peer gives it up. */
  const loseA = async () => {
    for (let passed = 0; passed < 12_000; passed += 1000) {
      meeting.move(1000);
      b.clock.move(1000);
    }
    await settle();
  };
  const wakeA = async () => {
    a.clock.move(2000);
    await settle();
  };
  return { a, b, settle, loseA, wakeA };
}

const refusal = async (attempt: Promise<void>): Promise<string> => {
  const error = await attempt.then(
    () => undefined,
    (it: unknown) => it,
  );
  return error instanceof ServiceError ? error.code : String(error);
};

describe("with `reject`", () => {
  test("a refused connection makes the existing one's worker check whether its client is alive", async () => {
    const { a, b, settle } = await world("reject");
    await a.take("c1");
    expect([a.doubted, b.doubted]).toEqual([[], []]);
    await refusal(b.take("c2"));
    await settle();
    expect(a.doubted).toEqual(["c1"]);
    a.doubted.length = 0;
    await refusal(a.take("c3"));
    expect(a.doubted).toContain("c1");
  });

  test.each(["a", "b"] as const)(
    "a connection whose handshake is not finished refuses nobody permanently (worker %s)",
    async (name) => {
      const { a, ...others } = await world("reject");
      const it = { a, ...others }[name];
      await a.claim("c1");
      expect(await refusal(it.take("c2"))).toBe("broker-unavailable");
      a.release("c1"); // its client has given up
      await it.take("c2");
      expect(await refusal(a.take("c3"))).toBe("conflict");
    },
  );

  test("a claim that its worker is about to release refuses nobody", async () => {
    const { a, b, settle } = await world("reject");
    await a.take("c1");
    const taking = b.take("c2");
    a.release("c1");
    await taking;
    await settle();
    expect(await refusal(a.take("c3"))).toBe("conflict");
  });

  test("nobody is refused permanently because of a worker that does not answer", async () => {
    const { a, b, settle } = await world("reject");
    await a.take("c1");
    a.peers.handle("probe", () => Promise.withResolvers().promise);
    const taking = refusal(b.take("c2"));
    await settle();
    b.clock.move(2000);
    expect(await taking).toBe("broker-unavailable");
  });

  test("a second connection is refused on any worker until the first has left", async () => {
    const { a, b } = await world("reject");
    await a.take("c1");
    expect(await refusal(a.take("c2"))).toBe("conflict");
    expect(await refusal(b.take("c3"))).toBe("conflict");
    a.release("c1");
    await b.take("c3");
    expect([a.closed, b.closed]).toEqual([[], []]);
  });

  test("a client whose worker crashed reconnects to another worker with its resume key", async () => {
    const { a, b, settle } = await world("reject");
    await a.take("c1");
    expect(await refusal(b.take("c2", undefined, "another"))).toBe("conflict");
    await b.take("c2", undefined, "c1");
    expect(await refusal(b.take("c3"))).toBe("conflict");
    // If the worker is alive after all, its connection is closed. A user is never connected twice.
    await settle();
    expect(a.closed).toEqual(["c1"]);
  });

  test("a continued connection hands over its user, and is not closed as replaced", async () => {
    const { a, b } = await world("reject");
    await a.take("c1");
    await b.take("c2", "c1");
    expect([a.closed, b.closed]).toEqual([[], []]);
    a.release("c1"); // It leaves once the new connection has caught up.
    expect(await refusal(a.take("c3"))).toBe("conflict");
  });

  test("a connection that continues a different one of the user is refused", async () => {
    const { a, b } = await world("reject");
    await a.take("c1");
    expect(await refusal(b.take("c2", "c0"))).toBe("conflict");
  });

  test("a failed new connection leaves the user to the one that it tried to continue", async () => {
    const { a, b, settle } = await world("reject");
    await a.take("c1");
    await a.take("c2", "c1");
    a.release("c2", "c1");
    await settle();
    expect(await refusal(b.take("c3"))).toBe("conflict");
    a.release("c1");
    await b.take("c3");
  });
});

describe("with `replace`", () => {
  test("the earlier connection is closed on any worker", async () => {
    const { a, b, settle } = await world("replace");
    await a.take("c1");
    await a.take("c2");
    expect(a.closed).toContain("c1");
    await b.take("c3");
    await settle();
    expect(a.closed).toContain("c2");
    expect(a.closed).not.toContain("c3");
  });

  test("a release by the replaced connection does not take the user from the newest", async () => {
    const { a, b, settle } = await world("replace");
    await a.take("c1");
    await b.take("c2");
    a.release("c1");
    await a.take("c3");
    await settle();
    expect(b.closed).toContain("c2");
  });

  test("a connection that tries to continue a replaced one is closed too", async () => {
    const { a, b, settle } = await world("replace");
    await a.take("c1");
    await a.take("c2", "c1");
    await b.take("c3");
    await settle();
    expect(a.closed).toEqual(["c2"]);
    a.release("c2", "c1");
    await settle();
    expect(a.closed).toEqual(["c2", "c1"]);
  });
});

describe("a worker that was given up and returns", () => {
  test("claims its users again, so that they cannot connect twice", async () => {
    const { a, b, loseA, wakeA } = await world("reject");
    await a.take("c1");
    await loseA();
    await wakeA();
    expect(await refusal(b.take("c2"))).toBe("conflict");
    a.release("c1");
    await b.take("c2");
  });

  test.each(["reject", "replace"] as const)(
    "closes users who connected elsewhere in the meantime (%s)",
    async (mode) => {
      const { a, b, loseA, wakeA } = await world(mode);
      await a.take("c1");
      await loseA();
      await b.take("c2");
      await wakeA();
      expect([a.closed, b.closed]).toEqual([["c1"], []]);
      a.release("c1");
      expect(await refusal(a.take("c3", "c1"))).toBe(mode === "reject" ? "conflict" : "undefined");
    },
  );

  test("admits no user while claims cannot be decided", async () => {
    const { a, loseA } = await world("reject");
    await loseA();
    expect(await refusal(a.take("c1"))).toBe("broker-unavailable");
  });
});
