import { z } from 'zod';

/** Six years: as long as HIPAA has such records kept (45 CFR 164.316(b)(2)(i)); a site's own law may want more. */
export const LEAST_AUDIT_DAYS = 2_190;

/** What is deleted by policy; nothing unless it is asked for. */
export const Retention = z
  .strictObject({
    /** The files of images are deleted so many days after their series' last image, when nothing needs them; absent: never. */
    imagesDays: z.number().positive().optional(),
    /** The pictures of what was read (regions, heat maps, slices) are deleted so many days after their case was done; answers stay, and cannot be replayed any more; absent: never. */
    regionsDays: z.number().positive().optional(),
    /** The files of reports (SR, pictures, PDF, messages as they were sent) are deleted so many days after their case was done; what they said stays; absent: never. */
    reportsDays: z.number().positive().optional(),
    /** Rows of the audit trail that are older are written to a file, which a row of the trail vouches for, and deleted; absent: never. At least 2190 (six years), unless auditBelowSixYears. */
    auditDays: z.number().positive().optional(),
    /** The site answers for keeping its trail for less than six years. */
    auditBelowSixYears: z.boolean().default(false),
    /** Where rows of the trail are written before they go; relative to the data folder. */
    auditFolder: z.string().min(1).default('audit'),
  })
  .refine(
    ({ auditDays, auditBelowSixYears }) => auditBelowSixYears || (auditDays ?? Infinity) >= LEAST_AUDIT_DAYS,
    {
      path: ['auditDays'],
      message: `keeps the trail for less than six years (${LEAST_AUDIT_DAYS} days): set auditBelowSixYears too, if the site answers for that`,
    },
  )
  .prefault({});
