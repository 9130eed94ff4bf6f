"""Enforces the rules on live traffic, proves it, and keeps the work running when a provider is cut.

The way of a request is `app`; what may happen to it is decided in `admission`
(the rules), `placement` (where from), `routes` (where to) and `limits` (how much),
carried out in `forward` and `streaming`, and written down in `journal`. A signal is
one file in `signals`, a fault one in `faults`, a provider's protocol one in
`translate`.
"""
