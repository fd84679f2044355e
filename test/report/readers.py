"""Reports as highdicom reads them: `python readers.py FILE ...`, one JSON document, one entry a file."""
import json
import sys

from highdicom.sr import srread


def read(path):
    report = srread(path)
    groups = report.content.get_planar_roi_measurement_groups()
    return dict(kind=type(report).__name__, patient=str(report.PatientName).rstrip('='), groups=[dict(
        tracking=group.tracking_identifier,
        sites=[f'{site.value.value} {site.value.meaning}' for site in group.finding_sites],
        shape=group.roi.graphic_type.value,
        measured=[[f'{one.name.value} {one.name.meaning}', one.value] for one in group.get_measurements()],
        said=[[one.name.meaning, one.value.meaning] for one in group.get_qualitative_evaluations()],
    ) for group in groups])


print(json.dumps([read(path) for path in sys.argv[1:]]))
