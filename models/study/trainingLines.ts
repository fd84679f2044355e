import type { Tell } from './stages.js';

const STEP = /^epoch (\d+) step (\d+)\/(\d+) .*regions\/s, epoch ends in (.*)$/;
const EPOCH = /^epoch (\d+) (?:of \d+ )?loss .* ETA (.*)$/;

/** What train_classifier prints, as progress: `epochs` are the most there can be, early stopping may come first. */
export function followTraining(epochs: number, tell: Tell): (line: string) => void {
  return (line) => {
    const step = STEP.exec(line);
    if (step) {
      const [epoch, done, all] = step.slice(1, 4).map(Number) as [number, number, number];
      tell((epoch - 1 + done / all) / epochs, `epoch ${epoch} of at most ${epochs}, ends in ${step[4]}`);
      return;
    }
    const epoch = EPOCH.exec(line);
    if (epoch) tell(Number(epoch[1]) / epochs, `epoch ${epoch[1]} done, ${epoch[2]} left at most`);
  };
}
