/**
 * Two soft notes, made on the spot: no file to load, and the content security policy needs no media source.
 *
 * Browsers let a page sound only after it was pressed somewhere; before that this does nothing.
 */
export function playSound(): void {
  if (!("AudioContext" in globalThis)) return;
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume().catch(() => undefined);
  const start = context.currentTime;
  note(context, 659.25, start); // E5, then A5: a fourth upwards asks for attention without alarm
  note(context, 880, start + 0.11);
}

const LOUD = 0.08; // of full scale: heard in a quiet room, not across an office
const LENGTH_S = 0.28;

let context: AudioContext | undefined;

function note(on: AudioContext, hertz: number, start: number): void {
  const tone = new OscillatorNode(on, { type: "sine", frequency: hertz });
  const loudness = new GainNode(on, { gain: 0 });
  // A note that begins or ends at once clicks.
  loudness.gain.linearRampToValueAtTime(LOUD, start + 0.015);
  loudness.gain.exponentialRampToValueAtTime(0.0001, start + LENGTH_S);
  tone.connect(loudness).connect(on.destination);
  tone.start(start);
  tone.stop(start + LENGTH_S);
}
