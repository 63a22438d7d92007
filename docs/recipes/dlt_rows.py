"""Upload the rows of a pipeline to a job: dlt_rows.py JOB. Run again, nothing is sent twice."""

import sys

import dlt

from crowdflower.dlt import crowdflower_destination


@dlt.resource
def reviews():
    yield [{"sku": f"A-{number}", "review": "Fine."} for number in range(100)]


pipeline = dlt.pipeline("reviews", destination=crowdflower_destination(sys.argv[1], key="sku"))
pipeline.run(reviews())
