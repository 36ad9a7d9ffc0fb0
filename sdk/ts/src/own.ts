/** An acknowledged operation as the entry that everybody else is pushed: its sender's connection is not. Pure. */

import type { MessageAck, Operation } from "./frames.js";
import type { Item } from "./wire.js";

export function ownItem(operation: Operation, ack: MessageAck, me: string, peerId: string | undefined): Item {
  const { conversation_id, seq, server_ts, msg_id } = ack;
  const entry = { conversation_id, seq, server_ts, msg_id, sender_id: me };
  switch (operation.type) {
    case "send": {
      const { msg_id: _, conversation_id: __, group_id: ___, to_user_id, ...payload } = operation.payload;
      const to = to_user_id ?? peerId;
      return {
        ...payload,
        ...entry,
        kind: "message",
        content_type: payload.content_type ?? "text",
        ...(to && { to_user_id: to }),
      };
    }
    case "edit":
      return {
        ...entry,
        kind: "edit",
        target_seq: operation.payload.seq,
        content: operation.payload.content,
      };
    case "recall":
      return { ...entry, kind: "recall", target_seq: operation.payload.seq };
    case "react": {
      const { emoji, remove, seq: target_seq } = operation.payload;
      return { ...entry, kind: "reaction", target_seq, emoji, ...(remove && { remove }) };
    }
  }
}
