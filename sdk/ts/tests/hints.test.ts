import { expect, test } from "vitest";
import type { ClientFrame, Line, ServerFrame } from "../src/frames.js";
import { Hints } from "../src/hints.js";

class Told implements Line {
  readonly frames: ClientFrame[] = [];
  request(): Promise<ServerFrame> {
    throw new Error("hints ask nothing");
  }
  post(frame: ClientFrame): void {
    this.frames.push(frame);
  }
}

test("who was watched as a stranger is watched anew, once, when there is a chat with them", () => {
  const line = new Told();
  const hints = new Hints(() => undefined);
  hints.open(line);
  hints.watch(["ubob", "ucarl"]);
  hints.setPresence({ user_id: "ubob", status: "unknown" });
  hints.setPresence({ user_id: "ucarl", status: "online" });
  expect(line.frames).toHaveLength(1);

  for (const userId of ["ubob", "ubob", "ucarl", "unobody"]) hints.met(userId);

  expect(line.frames).toHaveLength(2);
  expect(line.frames[1]).toEqual({ type: "presence_watch", payload: { user_ids: ["ubob", "ucarl"] } });
});
