const DIGIT_REM = 0.44; // the widest of usual fonts at the 11 px of .bubble-meta
const SQUARE_REM = 0.7; // ideographs
const TICKS_REM = 1.25;
const GAP_REM = 0.625; // between the last word and the time

/**
 * How much room the last line of a bubble leaves for the time, so that both stand on one line where they fit: a CSS
 * length. Guessed rather than measured: measuring three hundred rows would lay them out twice.
 */
export function metaWidth(text: string, { mine, counted }: { mine: boolean; counted: boolean }): string {
  let width = GAP_REM + (mine ? TICKS_REM : 0) + (counted ? SQUARE_REM * 2 : 0);
  for (const letter of text) width += letter > "\u2e80" ? SQUARE_REM : DIGIT_REM;
  return `${width.toFixed(2)}rem`;
}
