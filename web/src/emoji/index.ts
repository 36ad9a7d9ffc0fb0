/**
 * Emoji: the picker, a chunk of its own with words in the language of the page, and the row of quick reactions.
 */
export { closeEmojiPicker, EmojiHost, openEmojiPicker, preloadEmoji } from "./host";
export { QUICK, QuickReactions } from "./quick";
