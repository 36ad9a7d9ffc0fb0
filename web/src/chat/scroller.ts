/**
 * Keeps what one reads where it is, whatever comes above and below it.
 *
 * Browsers' own scroll anchoring differs (Safari has none), so it is off here, and the list does it itself:
 * - at the end it sticks to the end;
 * - elsewhere a row in view is the anchor: after every change of the rows or of their sizes the list is scrolled by
 *   what the anchor has moved. A ResizeObserver tells of sizes before they are painted, so nothing is seen to jump.
 */
export class Scroller {
  /** The end is in view, and stays so when something comes. */
  stuck = true;
  /** A row, and where it stands in the content: the reader may scroll before the event of it comes. */
  private anchor: { readonly element: HTMLElement; at: number } | undefined;
  /** Where the list was scrolled to when that was noted. */
  private lastTop = 0;
  /** Where this put the list: the scroll event that follows is no reader's doing. */
  private ownTop = -1;
  private readonly observer: ResizeObserver;

  /**
   * @param box - what scrolls.
   * @param content - its one child, which holds the rows (`.row`).
   * @param isLive - whether the last row is the newest one: only there the list sticks.
   */
  constructor(
    readonly box: HTMLElement,
    private readonly content: HTMLElement,
    private readonly isLive: () => boolean,
  ) {
    this.observer = new ResizeObserver(() => this.restore());
    this.observer.observe(content);
    this.observer.observe(box);
  }

  close(): void {
    this.observer.disconnect();
  }

  /** Pixels below what is in view. */
  get below(): number {
    const { box } = this;
    return box.scrollHeight - box.clientHeight - box.scrollTop;
  }

  /** The reader has scrolled: what is in view now is what stays. Returns false for the list's own doing. */
  scrolled(): boolean {
    if (Math.abs(this.box.scrollTop - this.ownTop) < 1) return false;
    this.ownTop = -1;
    this.remember();
    return true;
  }

  /** Takes what is in view for what stays. */
  remember(): void {
    // Fractions of pixels: zoomed pages do not reach their end exactly.
    this.stuck = this.isLive() && this.below < 4;
    this.lastTop = this.box.scrollTop;
    const element = this.pickAnchor(this.box.getBoundingClientRect().top);
    this.anchor = element && { element, at: this.placeOf(element) };
  }

  /** The rows are about to change. What the reader scrolled since the last event of it counts. */
  before(): void {
    const { box } = this;
    if (this.stuck && box.scrollTop < this.lastTop - 1 && this.below >= 4) this.remember();
    this.lastTop = box.scrollTop;
  }

  /** Scrolls so that what stays is where it was. */
  restore(): void {
    const { box } = this;
    // Scrolled away from the end since: what comes must not pull the reader back.
    if (this.stuck && box.scrollTop < this.lastTop - 1 && this.below >= 4) {
      this.remember();
      return;
    }
    if (this.stuck && this.isLive()) {
      this.setTop(box.scrollHeight - box.clientHeight);
      return;
    }
    const { anchor } = this;
    if (!anchor?.element.isConnected) {
      this.remember();
      return;
    }
    const now = this.placeOf(anchor.element);
    const moved = now - anchor.at;
    anchor.at = now;
    if (Math.abs(moved) < 0.5) return;
    // Where more went above than came below, the browser has scrolled back to the new end already.
    const cut = box.scrollTop < this.lastTop && this.below < 1;
    this.setTop((cut ? this.lastTop : box.scrollTop) + moved);
  }

  toEnd(): void {
    this.stuck = true;
    this.setTop(this.box.scrollHeight);
    this.remember();
  }

  /** Puts an element at a part of the height: 0 is the top, 0.5 the middle. */
  show(element: HTMLElement, part: number): void {
    const { box } = this;
    const top = element.getBoundingClientRect().top - box.getBoundingClientRect().top;
    const room = box.clientHeight - element.offsetHeight;
    this.setTop(box.scrollTop + top - Math.max(0, room * part));
    this.remember();
  }

  /** The rows in view, from the first to the last. */
  visible(): readonly HTMLElement[] {
    const rows = this.rows();
    const { top, bottom } = this.box.getBoundingClientRect();
    const from = firstWith(rows, (row) => row.getBoundingClientRect().bottom > top);
    const to = firstWith(rows, (row) => row.getBoundingClientRect().top >= bottom);
    return rows.slice(from, to);
  }

  private rows(): HTMLElement[] {
    return [...this.content.querySelectorAll<HTMLElement>(".row")];
  }

  /** The second row in view: the first one may be the oldest loaded, which changes its height when more come. */
  private pickAnchor(edge: number): HTMLElement | undefined {
    const rows = this.rows();
    const at = firstWith(rows, (row) => row.getBoundingClientRect().bottom > edge);
    return rows[at + 1] ?? rows[at];
  }

  /** Where a row begins, in pixels from the beginning of the content. */
  private placeOf(row: HTMLElement): number {
    return row.getBoundingClientRect().top - this.box.getBoundingClientRect().top + this.box.scrollTop;
  }

  private setTop(top: number): void {
    this.box.scrollTop = top;
    this.ownTop = this.box.scrollTop;
    this.lastTop = this.ownTop;
  }
}

/** The place of the first element of which `test` is true, where it is false of all before and true of all after. */
export function firstWith<T>(all: readonly T[], test: (one: T) => boolean): number {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const one = all[middle];
    if (one !== undefined && test(one)) high = middle;
    else low = middle + 1;
  }
  return low;
}
