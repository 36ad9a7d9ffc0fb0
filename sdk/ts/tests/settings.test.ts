import { beforeEach, expect, test } from "vitest";
import { ErrorCode, errorOf, unreachable } from "../src/errors.js";
import type { Http } from "../src/http.js";
import { type Settings, SettingsQueue } from "../src/settings.js";
import { type LocalStore, memoryStore } from "../src/store.js";

type Call = Settings & { msg_id: string };

/** What the server was asked for, and when it answers: a msg_id means one change for ever. */
class Told {
  readonly calls: Call[] = [];
  readonly #known = new Map<string, string>();
  /** Answers wait for this. */
  until: Promise<void> = Promise.resolve();
  /** So many calls have no answer. */
  lost = 0;

  readonly http = {
    call: async (_: string, __: string, { body }: { body: Call }) => {
      this.calls.push(body);
      const asked = JSON.stringify(body);
      const known = this.#known.get(body.msg_id);
      this.#known.set(body.msg_id, known ?? asked);
      await this.until;
      if (this.lost-- > 0) throw unreachable("no answer");
      if ((known ?? asked) !== asked) throw errorOf(ErrorCode.MSG_ID_CONFLICT, "used", "refused");
      return { seq: this.#known.size };
    },
  } as unknown as Http;
}

let told: Told;
let store: LocalStore;

beforeEach(() => {
  told = new Told();
  store = memoryStore();
});

const queue = (): SettingsQueue =>
  new SettingsQueue(told.http, store, { changed: () => undefined, done: () => undefined });
const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

test("a connection that opens while a call is failing is made use of", async () => {
  const settings = queue();
  let fail: () => void = () => undefined;
  told.until = new Promise((resolve) => {
    fail = resolve;
  });
  told.lost = 1;
  const done = settings.put("c", { muted: true });

  settings.open(); // passes by: the call is still under way
  fail();
  await done;

  const [first] = told.calls;
  expect(told.calls).toEqual([first, first]);
});

test("what another tab may still add to goes out under another msg_id here", async () => {
  const here = queue();
  let answer: () => void = () => undefined;
  told.until = new Promise((resolve) => {
    answer = resolve;
  });
  const asked = [here.put("c", { muted: true }), here.put("c", { draft: "a" })];
  await turns();
  const there = queue();
  await there.load();
  asked.push(here.put("c", { draft: "ab" }));

  there.open();
  answer();
  await Promise.all(asked);
  await turns();

  const wanted = new Set(told.calls.map((call) => JSON.stringify(call)));
  expect(wanted.size).toBe(new Set(told.calls.map(({ msg_id }) => msg_id)).size);
  expect([here.of("c"), there.of("c")]).toEqual([undefined, undefined]);
  expect(await store.all("meta")).toEqual([]);
});

test("what is cleared while it is told changes nothing any more", async () => {
  const done: Settings[] = [];
  const settings = new SettingsQueue(told.http, store, {
    changed: () => undefined,
    done: (_, values) => done.push(values),
  });
  const asked = settings.put("c", { muted: true });
  settings.clear();

  await expect(asked).rejects.toMatchObject({ kind: "closed" });
  await turns();
  expect(done).toEqual([]);
});
