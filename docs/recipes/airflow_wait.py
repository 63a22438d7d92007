"""A deferrable operator of Airflow: waits for a job without a worker, and a DAG that uses it."""

import asyncio
from datetime import datetime, timedelta

from airflow.sdk import DAG, BaseOperator, task
from airflow.triggers.base import BaseTrigger, TriggerEvent

from crowdflower.client import Client

DONE = {"finished", "canceled"}


class JobTrigger(BaseTrigger):
    """Runs in the triggerer, which needs CROWDFLOWER_API_KEY: the key is not stored with it."""

    def __init__(self, job_id, seconds=60):
        super().__init__()
        self.job_id = job_id
        self.seconds = seconds

    def serialize(self):
        return f"{__name__}.JobTrigger", {"job_id": self.job_id, "seconds": self.seconds}

    async def run(self):
        with Client.from_env() as client:
            while True:
                job = await asyncio.to_thread(client.get_job, self.job_id)
                if job.state in DONE:
                    yield TriggerEvent({"job_id": job.id, "state": job.state})
                    return
                await asyncio.sleep(self.seconds)


class WaitForJob(BaseOperator):
    template_fields = ("job_id",)

    def __init__(self, *, job_id, seconds=60, **arguments):
        super().__init__(**arguments)
        self.job_id = job_id
        self.seconds = seconds

    def execute(self, context):
        self.defer(
            trigger=JobTrigger(int(self.job_id), self.seconds),
            method_name="finish",
            timeout=timedelta(days=14),
        )

    def finish(self, context, event):
        if event["state"] != "finished":
            raise RuntimeError(f"job {event['job_id']} is {event['state']}")
        return event["job_id"]


with DAG(
    "labels",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    params={"job": 0},
    render_template_as_native_obj=True,
) as dag:
    wait = WaitForJob(task_id="wait", job_id="{{ params.job }}")

    @task
    def download(job_id):
        with Client.from_env() as client:
            print(client.get_job(job_id).results().to_arrow().num_rows, "results")

    download(wait.output)
