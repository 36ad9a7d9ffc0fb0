import { FakeClient } from "./fake";

const NAMES = [
  "Ada Lovelace",
  "小林 さくら",
  "Grace Hopper",
  "محمد الأمين",
  "Edsger",
  "Barbara Liskov",
  "Alan",
  "Radia Perlman",
  "Wolfeschlegelsteinhausenbergerdorff-Supercalifragilistic the Third of Somewhere Very Far Away",
  "王伟",
]; // prettier-ignore
const TEXTS = [
  "Hello!",
  "Shall we meet at the lake at six?",
  "👍",
  "I have put the notes on the table in the kitchen.",
  "שלום, מה שלומך היום?",
  "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(2),
  "**Bold**, _slanted_, `code`, and a list:\n\n- one\n- two\n\n```py\nprint('hello')\n```",
  "A longer text, of which there are some in every chat: it goes over several lines on a phone, and on a desktop it " +
    "should not be wider than what one likes to read. So it has a bound.",
  "今天晚上一起吃饭吗？",
  "See https://example.org/a/very/long/path/that/does/not/end?with=query&and=more",
]; // prettier-ignore

/** A world to look at: people, groups, and something said. `?fake=1000` has so many conversations, and chatter. */
export function fakeWorld(conversations: number, perSecond: number): FakeClient {
  const fake = new FakeClient(80);
  fake.me = fake.addUser("urobin", "Robin");
  NAMES.forEach((name, index) => {
    fake.addUser(`u${index}`, name);
    fake.presences.set(`u${index}`, {
      user_id: `u${index}`,
      status: index % 3 === 0 ? "online" : index % 3 === 1 ? "away" : "offline",
      last_seen_ts: Date.now() - index * 3_600_000,
    });
  });
  const ids = Array.from({ length: conversations }, (_, index) => addOne(fake, index));
  if (perSecond > 0) chatter(fake, ids, perSecond);
  return fake;
}

function addOne(fake: FakeClient, index: number): string {
  const group = index % 3 === 0;
  const id = group ? `g${index}` : `p${index}`;
  const peer = `u${index % NAMES.length}`;
  fake.addConversation(
    group
      ? {
          conversation_id: id,
          type: "group",
          name: `Group ${index}`,
          role: "owner",
          member_count: NAMES.length,
        }
      : { conversation_id: id, type: "private", peer_id: peer },
  );
  const long = index === 0 ? 10_000 : 30;
  const now = Date.now() - index * 1_800_000;
  for (let n = 0; n < long; n++) {
    const sender = n % 4 === 0 ? "urobin" : group ? `u${(n >> 1) % NAMES.length}` : peer;
    fake.append(id, {
      content: TEXTS[(n * 7 + index) % TEXTS.length] ?? "",
      sender_id: sender,
      server_ts: now - (long - n) * 240_000,
      ...(n % 9 === 8 ? { reply_to: n - 3 } : {}),
      ...(n % 11 === 5 ? { reactions: [{ emoji: "❤️", count: 2, user_ids: ["urobin", "u1"] }] } : {}),
    });
  }
  const read = index % 4 === 1 ? long - 5 : long;
  fake.markRead(id, read);
  fake.patch(id, { peer_delivered_seq: long, peer_read_seq: long - 6 });
  return id;
}

function chatter(fake: FakeClient, ids: readonly string[], perSecond: number): void {
  const every = 50;
  let count = 0;
  setInterval(() => {
    for (let n = 0; n < (perSecond * every) / 1000; n++) {
      const id = ids[(count * 7919) % ids.length];
      if (id === undefined) return;
      fake.append(id, {
        content: `${++count}: ${TEXTS[count % TEXTS.length]}`,
        sender_id: `u${count % NAMES.length}`,
      });
    }
  }, every);
}
