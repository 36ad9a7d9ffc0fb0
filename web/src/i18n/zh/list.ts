import type { list as model } from "../en/list";
import type { Translation } from "../types";

export const list: Translation<typeof model> = {
  "list.search": "搜索会话",
  "list.filter_all": "全部",
  "list.filter_unread": "未读",
  "list.filter_groups": "群",
  "list.empty": "还没有会话",
  "list.empty_hint": "找到你认识的人，打个招呼吧。",
  "list.no_match": "没有找到“{query}”",
  "list.unread": { other: "{count} 条未读消息" },
  "list.unread_many": "999+",
  "list.mentioned": "有人提到你",
  "list.muted": "已静音",
  "list.pinned": "已置顶",
  "list.draft": "草稿：",
  "list.you": "你：",
  "list.from": "{name}：",
  "list.typing": "正在输入…",
  "list.open": "打开与{name}的会话",
  "list.pin": "置顶",
  "list.unpin": "取消置顶",
  "list.mute": "静音",
  "list.unmute": "取消静音",
  "list.mark_read": "标为已读",
  "list.no_messages": "还没有消息",
};
