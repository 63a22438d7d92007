"""Package metadata, dependencies and extras."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
PACKAGE = (HERE / "crowdflower" / "__init__.py").read_text(encoding="utf-8")
VERSION = re.search(r'^__version__ = "([^"]+)"$', PACKAGE, re.MULTILINE)
if VERSION is None:
    raise SystemExit('crowdflower/__init__.py: the line __version__ = "…" is missing')

EXTRAS = {
    "cli": ["click>=8.1", "rich>=13", "tomlkit>=0.12"],
    "sandbox": [
        *["flask>=3", "waitress>=3", "sqlalchemy>=2", "nh3>=0.3", "python-liquid>=2"],
        "segno>=1.6",
    ],
    "postgres": ["psycopg[binary]>=3.1"],
    "pandas": ["pandas>=2"],
    "polars": ["polars>=1"],
    "arrow": ["pyarrow>=15"],
    "quality": ["numpy"],
    "spark": ["pyspark>=4.1", "pandas>=2.2", "pyarrow>=18", "numpy"],
    "dlt": ["dlt>=1.12", "pyarrow>=15"],
    "fast": ["orjson"],
}
# An engine needs a Java runtime or its own settings, so "all" leaves it out.
ENGINES = {"spark", "dlt"}
EXTRAS["all"] = sorted(
    {requirement for name in EXTRAS.keys() - ENGINES for requirement in EXTRAS[name]}
)
EXTRAS["dev"] = [
    *EXTRAS["cli"],
    *EXTRAS["sandbox"],
    *EXTRAS["postgres"],
    *EXTRAS["fast"],
    *EXTRAS["pandas"],
    *EXTRAS["polars"],
    *EXTRAS["arrow"],
    *["dask[dataframe]", "dlt[duckdb]", "duckdb", "ipykernel", "ipython", "nbclient"],
    *["tox>=4", "pytest>=8", "pytest-xdist", "responses", "hypothesis", "import-linter>=2.3"],
    *["axe-playwright-python", "babel", "playwright"],
    "schemathesis>=4",
    "trustme",
    *["ruff", "mypy", "types-requests", "sphinx>=8", "furo"],
]

setup(
    name="crowdflower-client",
    version=VERSION[1],
    description="Client for the CrowdFlower API (today Appen), with a local sandbox of the service",
    long_description=(HERE / "README.rst").read_text(encoding="utf-8"),
    long_description_content_type="text/x-rst",
    keywords=[
        "annotation",
        "appen",
        "crowdflower",
        "crowdsourcing",
        "figure-eight",
        "human-in-the-loop",
        "labeling",
    ],
    license="MIT",
    license_files=["LICENSE", "crowdflower/sandbox/pages/assets/jquery-LICENSE.txt"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Internet :: WWW/HTTP",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Software Development :: Libraries :: Python Modules",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["crowdflower*"]),
    package_data={
        "crowdflower": ["py.typed"],
        "crowdflower.cli": ["data/*"],
        "crowdflower.sandbox.desk": ["templates/*.html"],
        "crowdflower.sandbox.pages": ["templates/*.html", "assets/*", "locales/*/LC_MESSAGES/*"],
    },
    zip_safe=False,
    python_requires=">=3.11",
    install_requires=["requests>=2.33", "urllib3>=2.6.3"],
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": ["crowdflower = crowdflower.cli:main"],
        "pytest11": ["crowdflower = crowdflower.testing"],
    },
)
