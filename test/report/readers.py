"""A report as highdicom reads it: `python readers.py FILE`, one JSON document."""
import json
import sys

from highdicom.sr import srread

report = srread(sys.argv[1])
groups = report.content.get_planar_roi_measurement_groups()
print(json.dumps(dict(kind=type(report).__name__, groups=[dict(
    tracking=group.tracking_identifier,
    sites=[f'{site.value.value} {site.value.meaning}' for site in group.finding_sites],
    shape=group.roi.graphic_type.value,
    measured=[[f'{one.name.value} {one.name.meaning}', one.value] for one in group.get_measurements()],
    said=[[one.name.meaning, one.value.meaning] for one in group.get_qualitative_evaluations()],
) for group in groups])))
