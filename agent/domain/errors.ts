/**
 * The registry of stable error codes. `permanent` is decided here and nowhere else: a permanent error parks the
 * unit of work with its reason, any other is tried again with back-off.
 */
export const ERROR_CODES = {
  NOT_DICOM: { permanent: true, meaning: 'the file is no DICOM Part 10 file' },
  NOT_ONE_SERIES: { permanent: true, meaning: 'the files given are not one MR or CT series' },
  PIXELS_UNSUPPORTED: { permanent: true, meaning: 'the pixel data cannot be decoded' },
  MODEL_MISSING: { permanent: false, meaning: 'no active model, or its file is not there' },
  MODEL_HASH_MISMATCH: { permanent: true, meaning: 'the model file is not the one that was registered' },
  MODEL_CARD_INVALID: { permanent: true, meaning: 'the card beside a model file lacks what a worker needs' },
  MODEL_STATE: { permanent: true, meaning: 'the model may not change to that state' },
  MODEL_BOUNDS: { permanent: true, meaning: 'a model cannot have such bounds' },
  REGION_CORRUPT: { permanent: true, meaning: 'a stored region does not match its SHA-256' },
  DATASET_INVALID: { permanent: true, meaning: 'a table of labels or answers cannot be read' },
  DATASET_EMPTY: { permanent: true, meaning: 'no disc fits what was asked for' },
  KEY_INVALID: { permanent: true, meaning: "the file with the pseudonyms' key cannot be used" },
  MARKUP_INVALID: { permanent: true, meaning: 'a drawn region cannot be read, or does not lie on the image' },
  PYTHON_MISSING: { permanent: true, meaning: 'no Python with what training needs' },
  TRAINING_FAILED: { permanent: true, meaning: 'a program of the training package ended with an error' },
  STUDY_INVALID: { permanent: true, meaning: 'a study cannot be run, or its figures could not be believed' },
  REGION_INVALID: { permanent: true, meaning: 'an image is not a 224 by 224 8-bit grey PNG' },
  REGION_UNCLASSIFIABLE: { permanent: true, meaning: 'the network gave no probability for a region' },
  INFERENCE_FAILED: { permanent: false, meaning: 'the network could not be run' },
  SERIES_UNREADABLE: { permanent: true, meaning: 'no series of the study can be read' },
  SPOOL_FILE_MISSING: { permanent: true, meaning: 'an indexed instance is not in the spool' },
  SECRET_INVALID: { permanent: true, meaning: 'the file with the secret of the agents cannot be used' },
  IMAGES_PURGED: { permanent: true, meaning: 'images were deleted by policy (retention.imagesDays)' },
  PICTURES_PURGED: {
    permanent: false,
    meaning: 'pictures of what was read were deleted by policy (retention.regionsDays)',
  },
  REPORT_PURGED: {
    permanent: true,
    meaning: 'the file of a report was deleted by policy (retention.reportsDays)',
  },
  AUDIT_EXPORT_INVALID: {
    permanent: false,
    meaning: 'rows of the trail were not written out whole: none of them is deleted',
  },
  RETENTION_UNSAID: { permanent: true, meaning: 'nobody has said how long images are kept' },
  METRICS_LISTENER: { permanent: true, meaning: "the port for the worker's figures cannot be listened on" },
  SHARED_FOLDER: { permanent: true, meaning: 'the folder that all agents share cannot be used' },
  AGENTS_LISTENER: { permanent: true, meaning: 'the port for other agents cannot be listened on' },
  HOLDER_AWAY: { permanent: false, meaning: 'the agent that has an image is not there' },
  REPORT_INVALID: { permanent: true, meaning: 'the report could not be built from the case' },
  DESTINATION_UNREACHABLE: { permanent: false, meaning: 'the destination does not answer' },
  DESTINATION_REFUSED: {
    permanent: true,
    meaning: 'the destination refused for good (AE title, SOP class, data set)',
  },
  TEMPLATE_INVALID: { permanent: false, meaning: "a site's own message or rules cannot be read" },
  DESTINATION_BUSY: { permanent: false, meaning: 'the destination is out of resources for now' },
  COMMITMENT_FAILED: { permanent: true, meaning: 'the destination took the report and does not keep it' },
  IDENTITY_DIFFERS: {
    permanent: true,
    meaning: 'images of one study name different patients: a person has to say who it is',
  },
  NOTHING_TO_NAME: { permanent: true, meaning: 'no disc is drawn as that level' },
  NOTHING_IN_DOUBT: { permanent: true, meaning: 'there is no doubt of identity to decide about' },
  OPTIONS_CONTRADICT: { permanent: true, meaning: 'two options of a command exclude each other' },
  BACKUP_INVALID: { permanent: true, meaning: 'a backup is not whole, or not what was written' },
  FOLDER_IN_USE: { permanent: true, meaning: 'a folder to be written holds files of somebody else' },
  ALARM_UNKNOWN: { permanent: true, meaning: 'no alarm of the quality watch has this name' },
  SEED_REFUSED: { permanent: true, meaning: 'invented studies go into a database that holds none' },
  BACKFILL_NOT_FOUND: { permanent: true, meaning: 'no backfill has this id' },
  BACKFILL_REFUSED: { permanent: true, meaning: 'a backfill cannot be asked for, or changed, like this' },
  CASE_NOT_PARKED: { permanent: true, meaning: 'only a parked case can be taken up again' },
  VERDICT_REFUSED: { permanent: true, meaning: 'a reader cannot say that of this disc now' },
  WITHDRAWAL_REFUSED: { permanent: true, meaning: 'a result cannot be withdrawn now' },
  CASE_NOT_FOUND: { permanent: true, meaning: 'no case has this id' },
  CASE_AMBIGUOUS: { permanent: true, meaning: 'an abbreviated case id fits several cases' },
  ACCOUNT_UNKNOWN: { permanent: true, meaning: 'no account, or no token, has this name' },
  ACCOUNT_REFUSED: {
    permanent: true,
    meaning: 'an account, a token or a password cannot be as it was asked for',
  },
  LINK_INVALID: { permanent: true, meaning: 'a one-time link was used, has expired or is none of ours' },
  LOGIN_UNAVAILABLE: {
    permanent: false,
    meaning: 'the OpenID Connect provider does not answer as it should',
  },
  STEP_DIED: { permanent: true, meaning: 'a step ended its process every time it was tried' },
  DATABASE_UNAVAILABLE: { permanent: false, meaning: 'the database does not answer' },
  DATABASE_MISSING: { permanent: true, meaning: 'there is no database where the configuration says' },
  DATABASE_OTHER_VERSION: {
    permanent: true,
    meaning: 'the schema is newer than this program, or older and not to be changed by what was asked',
  },
  INTERNAL: { permanent: false, meaning: 'an error nobody has named yet' },
} as const satisfies Record<string, { permanent: boolean; meaning: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What an error is about: UIDs and ids only, never a patient's name. */
export type ErrorSubject = Readonly<Record<string, string | number>>;

export class CalcidiscError extends Error {
  override readonly name = 'CalcidiscError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly subject: ErrorSubject = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  get permanent(): boolean {
    return ERROR_CODES[this.code].permanent;
  }
}

/** Any thrown value as a CalcidiscError, so that a caller reads one code and one verdict. */
export function asCalcidiscError(thrown: unknown): CalcidiscError {
  if (thrown instanceof CalcidiscError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new CalcidiscError('INTERNAL', message, {}, { cause: thrown });
}
