type Said<T> = { [K in keyof T as null extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as null extends T[K] ? K : never]?: NonNullable<T[K]>;
};

/** Without what is not said: what is null, or an empty text. */
export function said<T extends object>(all: T): Said<T> {
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== null && value !== ''),
  ) as Said<T>;
}
