r"""Forms: read one, see what is wrong with it before it costs money, and check answers to it.

A form is written in CML, CrowdFlower's markup: HTML, tags such as ``<cml:radios>`` for questions,
and Liquid for what differs from row to row. :func:`parse` reads one:

>>> form = parse('''
... <p>{{ review }}</p>
... <cml:radios label="What is the sentiment?" name="sentiment" validates="required">
...   <cml:radio label="Positive" value="positive"/>
...   <cml:radio label="Negative" value="negative"/>
... </cml:radios>
... <cml:textarea label="What is bad?" only-if="sentiment:[negative]"/>
... ''')
>>> [field.name for field in form.fields]
['sentiment', 'what_is_bad']
>>> form.check({"sentiment": "positive"}).answers
{'sentiment': 'positive'}

What is wrong is said the way a compiler says it: what, where, what to do.

>>> try:
...     parse('<cml:txt label="Who?"/>\n<cml:text label="Why?" only-if="sentimnet:[negative]"/>')
... except CMLError as error:
...     print(error)
2 problems in this form:
1:1: There is no tag <cml:txt>; did you mean <cml:text>?
2:24: only-if names "sentimnet", and no question has that name; there are: why.

What is probably not meant is in :attr:`Form.warnings`, and what only the hosted service can do in
:attr:`Form.unsupported`. Nothing here reads files, asks a network or needs another package.
"""

from crowdflower.cml.field import Field, Option
from crowdflower.cml.form import Checked, Form, Group
from crowdflower.cml.parser import parse
from crowdflower.cml.problems import CMLError, Problem

__all__ = ["CMLError", "Checked", "Field", "Form", "Group", "Option", "Problem", "parse"]
