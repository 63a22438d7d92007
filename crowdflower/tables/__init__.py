"""Tables of results: units and judgments as pandas, polars or Arrow data.

.. code-block:: text

    table_iterator      what job.results() and job.judgments() return
    unit_list           what job.units is
    report_tables       reads a report into a table
    reading             its lines into columns; which units a checkpoint leaves to come
    result_columns      the columns of results: one row per unit
    judgment_columns    the columns of judgments: one row per judgment
    row_columns         the columns of the uploaded rows
    answers             the questions of a form, and the type of their answers
    columns             collects the values of a column, and finds out its type
    blocks              values of one type, packed
    typed_table         named columns, and their way into a library
    arrow_tables        into Arrow tables
    frames              into data frames of pandas and polars
    optional_packages   imported where they are asked for
    partitions          tables in parts, for other processes and machines

Values are packed as they are read, a few units at a time, or a few megabytes of judgments where
pyarrow reads them: besides the table itself, memory stays the same however many units a report has.
"""
