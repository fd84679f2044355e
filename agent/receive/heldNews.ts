/** When held news are passed on, whichever comes first. */
export interface HoldLimits {
  /** Nothing new for so long. */
  readonly quietMs: number;
  /** The oldest has waited for so long; for so long, where something among them has come to an end; or so many wait. */
  readonly longestMs: number;
  readonly longestWithEndMs: number;
  readonly most: number;
}

/**
 * Holds what is told and passes it on in one piece, in order: while senders are busy the index waits for a pause,
 * so that its work and theirs do not share the processor object by object.
 */
export class HeldNews<T> {
  #held: T[] = [];
  #oldestAt = 0;
  #hasEnd = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly limits: HoldLimits,
    private readonly pass: (news: T[]) => void,
  ) {}

  /** @param isEnd whether somebody waits for it to be dealt with, but not so that each is passed on by itself */
  tell(item: T, isEnd = false): void {
    if (this.#held.length === 0) this.#oldestAt = performance.now();
    this.#held.push(item);
    this.#hasEnd ||= isEnd;
    const { longestMs, longestWithEndMs } = this.limits;
    const isOld = performance.now() - this.#oldestAt >= (this.#hasEnd ? longestWithEndMs : longestMs);
    if (isOld || this.#held.length >= this.limits.most) this.flush();
    else if (this.#timer) this.#timer.refresh();
    else this.#timer = setTimeout(() => this.flush(), this.limits.quietMs);
  }

  flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const news = this.#held;
    this.#held = [];
    this.#hasEnd = false;
    if (news.length > 0) this.pass(news);
  }
}
