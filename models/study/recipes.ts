/** How long and on how much a study trains. Arguments are those of calcidisc_training.classifier.train_classifier. */
export interface Recipe {
  readonly name: 'quick' | 'full';
  /** Of the models it makes. */
  readonly version: string;
  readonly train: readonly string[];
  /** Regions per test set; a validation set of as many chooses the threshold. */
  readonly testRegions: number;
  /** Of the bootstrap. */
  readonly rounds: number;
  readonly warning: string | null;
  /** The same of a study on a site's own regions. */
  readonly ownWarning: string | null;
}

export const RECIPES: Readonly<Record<Recipe['name'], Recipe>> = {
  quick: {
    name: 'quick',
    version: 'quick',
    train: [
      ...['--weights', 'none', '--regions', '38', '--validation-regions', '20', '--epochs', '1'],
      ...['--batch', '6', '--size', '128', '--no-bf16', '--every', '1'],
    ],
    testRegions: 20,
    rounds: 200,
    warning:
      'A quick run: it shows that the chain works from images to report. Its networks saw 38 regions once and know nothing.',
    ownWarning:
      'A quick run: it shows that the chain works from export to report. Its networks saw every region once and know nothing.',
  },
  // The study's training: Adam 1e-4, batches of 6, at most 150 epochs, ImageNet weights, 224 by 224.
  full: {
    name: 'full',
    version: 'study',
    train: [
      ...['--weights', 'imagenet', '--regions', '8000', '--validation-regions', '500', '--epochs', '150'],
      ...['--patience', '20', '--optimiser', 'adam', '--lr', '1e-4', '--batch', '6', '--size', '224'],
    ],
    testRegions: 500,
    rounds: 2000,
    warning: null,
    ownWarning: null,
  },
};

/** The last value given for an argument is the one that holds, as for Python's argparse. */
export function argumentOf(args: readonly string[], name: string): string | undefined {
  const at = args.lastIndexOf(name);
  return at < 0 ? undefined : args[at + 1];
}
