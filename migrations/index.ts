import * as initial from './0001_initial.js';
import * as audit from './0002_audit.js';
import * as installation from './0003_installation.js';
import * as query from './0004_query.js';
import * as frontDoor from './0005_front_door.js';
import * as dataset from './0006_dataset.js';
import * as frames from './0007_frames.js';
import * as studyCase from './0008_study_case.js';
import * as normalWeek from './0009_normal_week.js';
import * as seriesFacts from './0010_series_facts.js';
import * as answers from './0012_answers.js';
import * as results from './0013_results.js';
import * as notices from './0014_notices.js';
import * as access from './0016_access.js';
import * as localBounds from './0019_local_bounds.js';
import * as levelDecisions from './0020_level_decisions.js';
import * as backfill from './0021_backfill.js';
import * as readerVerdicts from './0024_reader_verdicts.js';
import * as stores from './0026_stores.js';
import * as retention from './0027_retention.js';
import * as withinSpine from './0029_within_spine.js';
import * as worklistEntry from './0030_worklist_entry.js';
import * as qualityViews from './0031_quality_views.js';
import * as webApi from './0035_web_api.js';
import * as furtherForms from './0037_further_forms.js';
import * as writtenReports from './0039_written_reports.js';
import * as qualityRows from './0040_quality_rows.js';
import * as readingStudy from './0041_reading_study.js';
import * as consoleTables from './0043_console.js';
import * as worklistCounts from './0044_worklist_counts.js';
import * as auditSyslog from './0045_audit_syslog.js';
import * as studyPace from './0046_study_pace.js';
import * as alarms from './0047_alarms.js';
import * as people from './0048_people.js';
import * as bmiAndPictures from './0049_bmi_and_pictures.js';
import * as worklistFind from './0050_worklist_find.js';
import * as auditAnchor from './0051_audit_anchor.js';
import * as casePurges from './0053_case_purges.js';
import * as auditPurge from './0054_audit_purge.js';
import * as sharedStores from './0055_shared_stores.js';
import * as lighterEntries from './0056_lighter_entries.js';

/** In order, for ever: a released migration is never changed, renamed or taken out. */
export const migrations = [
  { name: '0001_initial', ...initial },
  { name: '0002_audit', ...audit },
  { name: '0003_installation', ...installation },
  { name: '0004_query', ...query },
  { name: '0005_front_door', ...frontDoor },
  { name: '0006_dataset', ...dataset },
  { name: '0007_frames', ...frames },
  { name: '0008_study_case', ...studyCase },
  { name: '0009_normal_week', ...normalWeek },
  { name: '0010_series_facts', ...seriesFacts },
  { name: '0012_answers', ...answers },
  { name: '0013_results', ...results },
  { name: '0014_notices', ...notices },
  { name: '0016_access', ...access },
  { name: '0019_local_bounds', ...localBounds },
  { name: '0020_level_decisions', ...levelDecisions },
  { name: '0021_backfill', ...backfill },
  { name: '0024_reader_verdicts', ...readerVerdicts },
  { name: '0026_stores', ...stores },
  { name: '0027_retention', ...retention },
  { name: '0029_within_spine', ...withinSpine },
  { name: '0030_worklist_entry', ...worklistEntry },
  { name: '0031_quality_views', ...qualityViews },
  { name: '0035_web_api', ...webApi },
  { name: '0037_further_forms', ...furtherForms },
  { name: '0039_written_reports', ...writtenReports },
  { name: '0040_quality_rows', ...qualityRows },
  { name: '0041_reading_study', ...readingStudy },
  { name: '0043_console', ...consoleTables },
  { name: '0044_worklist_counts', ...worklistCounts },
  { name: '0045_audit_syslog', ...auditSyslog },
  { name: '0046_study_pace', ...studyPace },
  { name: '0047_alarms', ...alarms },
  { name: '0048_people', ...people },
  { name: '0049_bmi_and_pictures', ...bmiAndPictures },
  { name: '0050_worklist_find', ...worklistFind },
  { name: '0051_audit_anchor', ...auditAnchor },
  { name: '0053_case_purges', ...casePurges },
  { name: '0054_audit_purge', ...auditPurge },
  { name: '0055_shared_stores', ...sharedStores },
  { name: '0056_lighter_entries', ...lighterEntries },
] as const;
