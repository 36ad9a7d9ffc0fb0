import { useMemo } from "preact/hooks";

const LONG_MS = 450; // as phones have it
const STILL_PX = 10; // a finger that moves farther scrolls

interface Press {
  onTouchStart(event: TouchEvent): void;
  onTouchMove(event: TouchEvent): void;
  onTouchEnd(event: TouchEvent): void;
  onTouchCancel(): void;
}

/**
 * Handlers that tell when a finger rests on an element, with the place in the window.
 *
 * Browsers on Android send `contextmenu` then, those on iOS send nothing; of both the first one counts, because the
 * menu that is open is the same. The click that follows is swallowed.
 */
export function useLongPress(act: (x: number, y: number) => void): Press {
  return useMemo(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let done = false;
    let from = { x: 0, y: 0 };
    const stop = (): void => clearTimeout(timer);
    return {
      onTouchStart({ touches }) {
        stop();
        done = false;
        const touch = touches[0];
        if (!touch || touches.length > 1) return;
        from = { x: touch.clientX, y: touch.clientY };
        timer = setTimeout(() => {
          done = true;
          navigator.vibrate?.(10);
          act(from.x, from.y);
        }, LONG_MS);
      },
      onTouchMove({ touches }) {
        const touch = touches[0];
        if (touch && Math.hypot(touch.clientX - from.x, touch.clientY - from.y) > STILL_PX) stop();
      },
      onTouchEnd(event) {
        stop();
        if (done && event.cancelable) event.preventDefault();
      },
      onTouchCancel: stop,
    };
  }, [act]);
}
