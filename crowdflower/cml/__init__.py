r"""Forms: parse and check them, and validate answers, without a network.

A form is written in CML, CrowdFlower's markup: HTML, tags such as ``<cml:radios>`` for questions,
and Liquid for what differs from row to row. :func:`parse` parses one:

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

Problems are reported as a compiler does: where, what is wrong, and what to do.

>>> try:
...     parse('<cml:txt label="Who?"/>\n<cml:text label="Why?" only-if="sentimnet:[negative]"/>')
... except CMLError as error:
...     print(error)
2 problems in this form:
1:1: There is no tag <cml:txt>; did you mean <cml:text>?
2:24: only-if refers to "sentimnet", but no question has that name; choose from: why.

Probable mistakes are in :attr:`Form.warnings`, and features that only the hosted service has in
:attr:`Form.unsupported`.
"""

from crowdflower.cml.field import Field, Option
from crowdflower.cml.form import Checked, Form, Group
from crowdflower.cml.parser import parse
from crowdflower.cml.problems import CMLError, Problem

__all__ = ["CMLError", "Checked", "Field", "Form", "Group", "Option", "Problem", "parse"]
