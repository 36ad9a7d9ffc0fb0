// Drives one client of the TypeScript SDK for a script in Python: JSON lines in, JSON lines out.
//
//   in   {"id", "do", "args"}                    a call of `calls` below
//   out  {"id", "value"} or {"id", "error"}      its answer
//   out  {"event": …}                            what happens, in the order in which the client tells it

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Client, events, memoryStore } from "@pingme/sdk";
import { WebSocket } from "ws";

const [baseUrl, folder] = process.argv.slice(2);
const tables = ["meta", "outbox", "conversations", "items", "users"];

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const happened = (kind, values) => tell({ event: { kind, ...values } });

/** Keeps everything in one file: the least that survives a restart. */
async function fileStore(path) {
  const memory = memoryStore();
  if (existsSync(path)) await memory.write(JSON.parse(readFileSync(path, "utf8")));
  const save = async () => {
    const rows = [];
    for (const table of tables) {
      for (const [key, value] of await memory.all(table)) rows.push({ table, key, value });
    }
    writeFileSync(path, JSON.stringify(rows), { mode: 0o600 });
  };
  return {
    ...memory,
    write: async (changes) => {
      await memory.write(changes);
      await save();
    },
    clear: async () => {
      await memory.clear();
      await save();
    },
  };
}

if (folder) mkdirSync(folder, { recursive: true });
const storage = folder ? await fileStore(`${folder}/client.json`) : memoryStore();
const client = new Client({ baseUrl, storage, WebSocket, deviceName: "script" });
const stream = events(client, { store: storage });
const unanswered = new Set();
const views = new Map();
const seen = { positions: new Map(), typing: new Map() };

/** Hands over the next entry; the one before it counts as dealt with. */
async function next() {
  const { done, value } = await stream.next();
  if (done) happened("end", { reason: client.status.reason ?? "closed" });
  else happened("log", { item: value });
}

/** A conversation as the scripts look at it: with its newest messages. */
async function snapshot(id) {
  const conversation = client.conversation(id);
  if (conversation === undefined) return null;
  if (!views.has(id)) views.set(id, await client.timeline(id));
  const { last_message: _, newest_ts: __, id: ___, ...values } = conversation;
  const messages = views.get(id).items.filter((item) => item.kind === "message");
  return { ...values, messages };
}

client.onChange((changed) => {
  for (const key of changed) {
    const [what, id] = [key.split(":")[0], key.slice(key.indexOf(":") + 1)];
    if (key === "status") happened("status", { status: client.status });
    if (what === "conversation") positionsChanged(id);
    if (what === "typing") typingChanged(id);
    if (what === "presence") happened("presence", { presence: client.presence(id) });
  }
});

function positionsChanged(id) {
  const conversation = client.conversation(id);
  if (conversation === undefined) return;
  const { delivered_seq, read_seq, peer_delivered_seq, peer_read_seq } = conversation;
  const before = seen.positions.get(id) ?? {};
  seen.positions.set(id, conversation);
  if (before.delivered_seq !== delivered_seq || before.read_seq !== read_seq) {
    happened("receipt", {
      receipt: { conversation_id: id, user_id: client.me?.user_id, delivered_seq, read_seq },
    });
  }
  if (before.peer_delivered_seq !== peer_delivered_seq || before.peer_read_seq !== peer_read_seq) {
    const [delivered, read] = [peer_delivered_seq, peer_read_seq];
    const user_id = conversation.info.peer_id;
    happened("receipt", {
      receipt: { conversation_id: id, user_id, delivered_seq: delivered, read_seq: read },
    });
  }
}

function typingChanged(id) {
  const before = seen.typing.get(id) ?? [];
  const now = client.typingIn(id);
  seen.typing.set(id, now);
  const tellAll = (ids, active) => {
    for (const user_id of ids) happened("typing", { typing: { conversation_id: id, user_id, active } });
  };
  tellAll(
    now.filter((one) => !before.includes(one)),
    true,
  );
  tellAll(
    before.filter((one) => !now.includes(one)),
    false,
  );
}

function stored({ done }) {
  unanswered.add(done);
  done.catch(() => undefined).finally(() => unanswered.delete(done));
  return done;
}

async function online() {
  while (client.status.state !== "online") {
    if (client.status.state === "ended") throw new Error(`ended: ${client.status.reason}`);
    await new Promise((resolve) => {
      const unlisten = client.onChange((changed) => {
        if (!changed.has("status")) return;
        unlisten();
        resolve();
      });
    });
  }
}

async function idOf(username) {
  const found = (await client.searchUsers(username)).find((user) => user.username === username);
  return found?.user_id ?? null;
}

const calls = {
  register: async (a) => {
    const user = await client.register(a);
    await online();
    return user;
  },
  login: async (a) => {
    const user = await client.login(a);
    await online();
    return user;
  },
  resume: () => client.resume(),
  online,
  me: async () => ({ ...client.me, device_id: (await storage.get("meta", "session"))?.device_id }),
  next: () => void next(),
  send: ({ wait, ...a }) => {
    const done = stored(client.send(a));
    return wait ? done : null;
  },
  edit: (a) => stored(client.edit(a)),
  recall: (a) => stored(client.recall(a)),
  react: (a) => stored(client.react(a)),
  flush: () => Promise.allSettled([...unanswered]).then(() => true),
  unsent: async () => (await storage.all("outbox")).length,
  mark_read: ({ conversation_id, seq }) => client.markRead(conversation_id, seq),
  typing: ({ conversation_id, active }) => client.typing(conversation_id, active),
  presence: ({ user_ids }) => user_ids.map((id) => client.presence(id)),
  watch: ({ user_ids }) => client.watch(user_ids),
  conversations: () => Promise.all(client.conversations().map(({ id }) => snapshot(id))),
  conversation: ({ id }) => snapshot(id),
  conversation_with: ({ user_id }) => client.conversationWith(user_id),
  history: (a) => client.history(a),
  settings: ({ conversation_id, ...values }) => client.settings(conversation_id, values),
  id_of: ({ username }) => idOf(username),
  create_group: (a) => client.createGroup(a),
  update_group: ({ id, ...values }) => client.updateGroup(id, values),
  invite: ({ id, user_ids }) => client.addMembers(id, user_ids),
  remove: ({ id, user_id }) => client.removeMember(id, user_id),
  set_role: ({ id, user_id, role }) => client.setRole(id, user_id, role),
  members: ({ id }) => client.members(id),
  join: ({ id }) => client.joinGroup(id),
  leave: ({ id }) => client.leaveGroup(id),
  dissolve: ({ id }) => client.dissolveGroup(id),
  remove_device: ({ id }) => client.removeDevice(id),
  logout: () => client.logout(),
  close: () => client.close(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: name, args } = JSON.parse(line);
  Promise.resolve()
    .then(() => calls[name](args))
    .then((value) => tell({ id, value: value ?? null }))
    .catch((error) => {
      const { kind = "bug", code = 0, message, stack } = error;
      tell({ id, error: { kind, code, message: kind === "bug" ? stack : message } });
    });
}
await client.close();
await stream.return(); // and its place is kept
process.exit(0);
