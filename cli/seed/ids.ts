import { createHash } from 'node:crypto';

/** Of one seeding: the same seed, the same ids. */
export interface SeedIds {
  uuid(...parts: readonly (string | number)[]): string;
  /** PS3.5 B.2: below 2.25. */
  uid(...parts: readonly (string | number)[]): string;
}

export function openIds(seed: number): SeedIds {
  const uuid = (...parts: readonly (string | number)[]) => {
    const hex = createHash('sha1')
      .update(`calcidisc seed ${seed} ${parts.join(' ')}`)
      .digest('hex');
    const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  };
  return { uuid, uid: (...parts) => `2.25.${BigInt(`0x${uuid(...parts).replaceAll('-', '')}`)}` };
}
