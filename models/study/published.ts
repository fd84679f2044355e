/**
 * What the study that Calcidisc follows printed, to stand beside our own figures for orientation: other people, real
 * calcification, CT and pathology as the reference.
 *
 * Liu Z, et al. Compare three deep learning-based artificial intelligence models for classification of calcified lumbar
 * disc herniation: a multicenter diagnostic study. Front Surg 11:1458569 (2024).
 */
export const STUDY = {
  citation: 'Liu et al., Front Surg 11:1458569 (2024), doi 10.3389/fsurg.2024.1458569',
  patients: 1224,
  men: 610,
  women: 614,
  age: '53.34 ± 10.61',
} as const;

export const SITES = ['internal', 'external'] as const;
export type Site = (typeof SITES)[number];

/** AUC as printed, with its 95% interval and the accuracy where the abstract gives them. */
export interface Published {
  readonly auc: number;
  readonly interval?: readonly [low: number, high: number];
  readonly accuracy?: number;
}

export const NETWORKS = {
  resnet34: {
    title: 'ResNet-34',
    published: {
      internal: { auc: 0.96, interval: [0.93, 0.99], accuracy: 0.9167 },
      external: { auc: 0.88, interval: [0.8, 0.93], accuracy: 0.8876 },
    },
  },
  densenet121: { title: 'DenseNet-121', published: { internal: { auc: 0.87 }, external: { auc: 0.66 } } },
  mobilevit_s: { title: 'MobileViT-S', published: { internal: { auc: 0.82 }, external: { auc: 0.7 } } },
} as const satisfies Record<string, { title: string; published: Record<Site, Published> }>;

export type NetworkName = keyof typeof NETWORKS;
export const NETWORK_NAMES = Object.keys(NETWORKS) as NetworkName[];

export const HUMAN_READERS: Readonly<Record<Site, Published>> = {
  internal: { auc: 0.65 },
  external: { auc: 0.41 },
};
