import { z } from 'zod';
import { Milliseconds, Name, Port } from './values.js';

/** Several agents on one database, each with a data folder of its own (docs/deploy.md). */
export const Agents = z
  .strictObject({
    /** What this agent is called on pages and in logs; absent: the name of its host. */
    name: Name.optional(),
    /** A file that holds the secret all agents share; absent: no agent gives its images to another. */
    secretFile: z.string().min(1).optional(),
    /** Where the others fetch images from this one. */
    host: z.string().default('127.0.0.1'),
    port: Port.default(8081),
    /** What the others reach that by. */
    address: z
      .string()
      .refine((text) => /^http:\/\/[^/?#\s]+$/.test(text) && URL.canParse(text), {
        error: 'it is an address without a path, as http://agent-1.hospital.example:8081',
      })
      .optional(),
    /** A folder that every agent sees (a mount), with each agent's dataDir in a folder of its own below it: each reads the others' images there; absent: they are fetched. */
    sharedFolder: z.string().min(1).optional(),
    /** An agent that is away so long has its series fetched again from query.sources. */
    awayAfterMs: Milliseconds.default(15 * 60_000),
  })
  .refine((agents) => agents.secretFile === undefined || agents.address !== undefined, {
    error: 'secretFile is set, so address has to say what the other agents reach this one by',
  })
  .prefault({});
