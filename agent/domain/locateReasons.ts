/** How reasons of the localiser begin that others go by; the rest of each is for people. */
export const REASON = {
  sacrumNotSeen: 'sacrum not seen',
  outsideStudy: 'outside the study',
} as const;

export function isReason(kind: keyof typeof REASON): (reason: string) => boolean {
  return (reason) => reason.startsWith(REASON[kind]);
}
