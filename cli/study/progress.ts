import { SingleBar } from 'cli-progress';
import type { Listener, Stage } from '../../models/study/stages.js';

const LINE_EVERY_MS = 10_000;

export interface StudyProgress extends Listener {
  unchanged(step: Stage): void;
  done(step: Stage, seconds: number): void;
  end(): void;
}

/** Shares of the whole by the steps' weights; what was done before counts as done at once. */
export function showProgress(steps: readonly Stage[], stream: NodeJS.WriteStream): StudyProgress {
  const total = steps.reduce((sum, { weight }) => sum + weight, 0);
  const shown = stream.isTTY ? barOn(stream) : linesOn(stream);
  const begin = performance.now();
  let [before, skipped, current] = [0, 0, null as Stage | null];
  const secondsLeft = (share: number) => {
    const run = share - skipped / total;
    const seconds = (performance.now() - begin) / 1000;
    return run > 0.01 ? `${duration((seconds / run) * (1 - share))} left` : '';
  };
  const number = (step: Stage) => `[${steps.indexOf(step) + 1}/${steps.length}] ${step.title}`;
  return {
    tell: (fraction, detail) => {
      if (!current) return;
      const share = (before + Math.min(1, fraction) * current.weight) / total;
      shown.at(share, `${number(current)}: ${detail}`, secondsLeft(share));
    },
    unchanged: (step) => {
      before += step.weight;
      skipped += step.weight;
      shown.say(before / total, `${number(step)}: unchanged`);
    },
    begins: (step) => {
      current = step;
      shown.say(before / total, `${number(step)} …`);
    },
    done: (step, seconds) => {
      before += step.weight;
      current = null;
      shown.say(before / total, `${number(step)}: ${duration(seconds)}; ${secondsLeft(before / total)}`);
    },
    end: () => shown.end(),
  };
}

interface Shown {
  at(share: number, words: string, left: string): void;
  say(share: number, words: string): void;
  end(): void;
}

function barOn(stream: NodeJS.WriteStream): Shown {
  const bar = new SingleBar({
    format: '{bar} {percentage}% {left} {words}',
    stream,
    barsize: 24,
    gracefulExit: false,
  });
  bar.start(100, 0, { words: '', left: '' });
  const at = (share: number, words: string, left: string) => bar.update(100 * share, { words, left });
  return { at, say: (share, words) => at(share, words, ''), end: () => bar.stop() };
}

function linesOn(stream: NodeJS.WriteStream): Shown {
  let last = performance.now();
  const say = (words: string) => {
    last = performance.now();
    stream.write(`${words}\n`);
  };
  return {
    at: (_share, words, left) => {
      if (performance.now() - last >= LINE_EVERY_MS) say(left ? `${words} (${left})` : words);
    },
    say: (_share, words) => say(words),
    end: () => undefined,
  };
}

export function duration(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
