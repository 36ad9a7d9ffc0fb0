import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Http } from "../src/http.js";
import { People } from "../src/people.js";
import { memoryStore } from "../src/store.js";
import type { User } from "../src/wire.js";

const user = (user_id: string): User => ({ user_id, username: user_id, nickname: user_id, avatar: "" });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("who is wanted at any moment of a request that ends is asked for", async () => {
  for (let microtasks = 0; microtasks < 20; microtasks++) {
    let late: () => void = () => undefined;
    const http = {
      call: async (_: string, __: string, { query }: { query: { ids: string } }) => {
        late();
        return { items: query.ids.split(",").map(user) };
      },
    } as unknown as Http;
    const people = new People(http, memoryStore(), () => undefined);
    late = async () => {
      late = () => undefined;
      for (let passed = 0; passed < microtasks; passed++) await undefined;
      people.get("ulate");
    };

    people.get("uearly");
    await vi.advanceTimersByTimeAsync(100);

    expect(people.get("ulate"), `after ${microtasks} microtasks`).toEqual(user("ulate"));
  }
});
