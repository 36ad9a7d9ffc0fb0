import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Client } from "../src/client.js";
import { ErrorCode, errorOf } from "../src/errors.js";
import { type LocalStore, memoryStore } from "../src/store.js";
import { events } from "../src/stream.js";
import type { Item } from "../src/wire.js";
import { FakeServer, type Log } from "./fake_server.js";
import { client, closeAll, person, until } from "./people.js";

let server: FakeServer;
/** Outlives the programs of a test. */
let storage: LocalStore;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  server = new FakeServer();
  storage = memoryStore();
});
afterEach(async () => {
  await closeAll();
  vi.useRealTimers();
});

const range = (from: number, upto: number): number[] =>
  Array.from({ length: upto - from + 1 }, (_, index) => from + index);
const login = (one: Client): Promise<unknown> => one.login({ username: "ben", password: "secret" });

function say(log: Log, from: number, upto: number): void {
  for (const number of range(from, upto)) server.say(log, "ada", `${number} of ${server.epoch}`);
}

interface Program {
  ben: Client;
  /** `conversation:seq` of each entry, as they came. */
  heard: string[];
  /** The loop over the stream was left, or has ended. */
  isEnded: boolean;
}

/** A program of ben's; with `upto` it leaves the loop in the turn of this entry. */
function program(upto = Number.POSITIVE_INFINITY): Program {
  const made: Program = { ben: client(server, { storage }), heard: [], isEnded: false };
  void (async () => {
    for await (const item of events(made.ben, { store: storage })) {
      made.heard.push(`${item.conversation_id}:${item.seq}`);
      if (made.heard.length >= upto) break;
    }
    made.isEnded = true;
  })();
  return made;
}

/** Ends a program when it has heard what it wanted. */
async function end(one: Program): Promise<void> {
  await until(() => one.isEnded && one.ben.status.state === "online");
  await one.ben.close();
}

const of = (id: string, from: number, upto: number): string[] =>
  range(from, upto).map((seq) => `${id}:${seq}`);

test("each entry is given once and in order, over jumps, and the next program goes on where this one was", async () => {
  const log = server.group("g", "ada", "ben");
  say(log, 2, 41);
  const first = program(30);
  await login(first.ben);
  await end(first);
  say(log, 42, 341);

  const second = program();
  await second.ben.resume();
  await until(() => second.heard.length === 311);

  expect([...first.heard, ...second.heard]).toEqual(of("g", 1, 341));
});

test("what no program has dealt with comes to the next one, of every conversation", async () => {
  for (const id of ["g", "h"]) say(server.group(id, "ada", "ben"), 2, 30);
  const first = program(1);
  await login(first.ben);
  await end(first);

  const second = program();
  await second.ben.resume();
  await until(() => second.heard.length === 59);

  expect([...first.heard, ...second.heard].sort()).toEqual([...of("g", 1, 30), ...of("h", 1, 30)].sort());
});

test("where an earlier program was counts, also when the program asks only after the first entries have come", async () => {
  const log = server.group("g", "ada", "ben");
  say(log, 2, 30);
  const first = program(10);
  await login(first.ben);
  await end(first);
  say(log, 31, 35);

  const ben = client(server, { storage });
  const entries = events(ben, { store: storage });
  await ben.resume();
  await until(() => ben.conversation("g")?.last_seq === 35);
  await vi.advanceTimersByTimeAsync(1_000);
  let next: IteratorResult<Item> | undefined;
  void entries.next().then((result) => {
    next = result;
  });
  await until(() => next !== undefined);

  expect(next?.value?.seq).toBe(11);
  await entries.return();
});

test("an entry that is heard while an answer is on its way is not lost with it", async () => {
  const log = server.group("g", "ada", "ben");
  say(log, 2, 30);
  const { ben, heard } = program();
  const history = ben.history.bind(ben);
  let asked = 0;
  ben.history = async (range) => {
    const page = await history(range);
    if (asked++ > 0) return page;
    say(log, 31, 31);
    await until(() => ben.conversation("g")?.last_seq === 31);
    return { items: [], has_more: false };
  };
  await login(ben);
  await until(() => heard.length === 31);

  expect(heard).toEqual(of("g", 1, 31));
});

test("a server that cannot answer now is asked again", async () => {
  say(server.group("g", "ada", "ben"), 2, 30);
  const { ben, heard } = program();
  const history = ben.history.bind(ben);
  let asked = 0;
  ben.history = async (range) => {
    if (asked++ === 0) throw errorOf(ErrorCode.DATABASE_ERROR, "the store is away", "refused");
    return history(range);
  };
  await login(ben);
  await until(() => heard.length === 30);

  expect(heard).toEqual(of("g", 1, 30));
});

describe("after a restore of the server", () => {
  /** Thirty entries, of which ten are in the backup; ben had received those ten. */
  async function restorable(log: Log, ben: Client): Promise<() => void> {
    say(log, 2, 10);
    await until(() => ben.conversation("g")?.last_seq === 10 && log.positions.get("uben")?.delivered === 10);
    const restore = server.backUp();
    say(log, 11, 30);
    return () => {
      restore();
      say(server.group("g", "ada", "ben"), 11, 15);
    };
  }

  const places = async (): Promise<unknown[]> =>
    (await storage.all("meta")).filter(([key]) => key.startsWith("place:")).map(([, seq]) => seq);

  test("the stream goes on behind what the restored server counts as received", async () => {
    const { ben, heard } = program();
    const log = server.group("g", "ada", "ben");
    await login(ben);
    const restore = await restorable(log, ben);
    await until(() => heard.length === 30);

    restore();
    await until(() => heard.length === 35);
    await vi.advanceTimersByTimeAsync(1_000);

    expect(heard).toEqual([...of("g", 1, 30), ...of("g", 11, 15)]);
    expect(await places()).toEqual([15]);
  });

  test("so does that of a program that is started again", async () => {
    const first = program(30);
    const log = server.group("g", "ada", "ben");
    await login(first.ben);
    const restore = await restorable(log, first.ben);
    await end(first);
    restore();

    const second = program(5);
    await second.ben.resume();
    await end(second);
    say(server.group("g", "ada", "ben"), 16, 18);
    const third = program();
    await third.ben.resume();
    await until(() => third.heard.length === 3);

    expect([...second.heard, ...third.heard]).toEqual(of("g", 11, 18));
  });

  test("places of the old epoch mean nothing either when a program without a stream has met the new one", async () => {
    const first = program(30);
    const log = server.group("g", "ada", "ben");
    await login(first.ben);
    const restore = await restorable(log, first.ben);
    await end(first);
    restore();
    const without = client(server, { storage });
    await without.resume();
    await until(() => without.conversation("g")?.last_seq === 15);
    await without.close();
    say(server.group("g", "ada", "ben"), 16, 18);

    const last = program();
    await last.ben.resume();
    await until(() => last.heard.length === 3);

    expect(last.heard).toEqual(of("g", 16, 18));
  });

  test("a page that was asked for before it is dropped", async () => {
    const { ben, heard } = program();
    const log = server.group("g", "ada", "ben");
    const restore = server.backUp();
    say(log, 2, 30);
    const history = ben.history.bind(ben);
    let asked = 0;
    ben.history = async (range) => {
      const page = await history(range);
      if (asked++ > 0) return page;
      restore();
      say(server.group("g", "ada", "ben"), 2, 25);
      await until(() => ben.conversation("g")?.last_seq === 25 && ben.status.state === "online");
      return page;
    };
    await login(ben);
    await until(() => heard.length === 25);

    expect(heard).toEqual(of("g", 1, 25));
  });

  test("nothing more of the old epoch is handed out, and what is in the program's hands leaves no place", async () => {
    const ben = client(server, { storage });
    const entries = events(ben, { store: storage });
    const got: Item[] = [];
    const next = async (): Promise<void> => {
      const { value } = await entries.next();
      if (value !== undefined) got.push(value);
    };
    const log = server.group("g", "ada", "ben");
    await login(ben);
    const restore = await restorable(log, ben);
    await until(() => ben.conversation("g")?.last_seq === 30);
    say(server.group("h", "ada", "ben"), 2, 9);
    for (const count of range(1, 32)) {
      void next();
      await until(() => got.length === count);
    }

    restore(); // h:1 is finished, h:2 in hand, others wait
    await until(() => ben.conversation("g")?.last_seq === 15);
    void next();
    await until(() => got.length === 33);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await places()).toEqual([10]);
    await entries.return();
    await ben.close();
    const after = program();
    await after.ben.resume();
    await until(() => after.heard.length === 4);

    expect(got.at(-1)).toMatchObject({ seq: 11, content: "11 of e1'" });
    expect(after.heard).toEqual(of("g", 12, 15));
  });
});

test("who is not a member any more is not asked about again", async () => {
  say(server.group("g", "ada", "ben"), 2, 30);
  say(server.group("h", "ada", "ben"), 2, 30);
  const { ben, heard } = program();
  const history = ben.history.bind(ben);
  let asked = 0;
  ben.history = async (range) => {
    if (range.conversation_id === "h") return history(range);
    asked++;
    throw errorOf(ErrorCode.NOT_A_MEMBER, "not a member", "refused");
  };
  await login(ben);
  await until(() => heard.length === 30);
  await vi.advanceTimersByTimeAsync(5_000);

  expect([asked, heard]).toEqual([1, of("h", 1, 30)]);
});

test("a logout leaves no place behind", async () => {
  const ben = await person(server, "ben", { storage });
  void (async () => {
    for await (const _ of events(ben, { store: storage })) {
      // heard
    }
  })();
  say(server.group("g", "ada", "ben"), 2, 3);
  await until(async () => (await storage.all("meta")).some(([key]) => key.startsWith("place:")));
  server.say(server.group("g", "ada", "ben"), "ada", "the last one");
  await until(() => ben.conversation("g")?.last_seq === 4);
  await ben.logout();
  await vi.advanceTimersByTimeAsync(1_000);

  expect(await storage.all("meta")).toEqual([]);
});
