"""Prints what the installed isolate-proto says of the controller's messages, enums and calls, as JSON."""

import json
import sys

from isolate_proto import EnvironmentDefinition, common_pb2, controller_pb2


def field(descriptor):
    kind = descriptor.message_type or descriptor.enum_type
    # A oneof of one field is how proto3 writes `optional`, which says nothing of a message: its presence is always told.
    oneof = descriptor.containing_oneof
    optional = oneof is not None and oneof.name.startswith("_") and descriptor.message_type is None
    return [
        descriptor.number,
        kind.full_name if kind else descriptor.type,
        "repeated" if descriptor.is_repeated else "optional" if optional else "",
    ]


def enum(descriptor):
    return {value.name: value.number for value in descriptor.values}


def collect(descriptor, out):
    out["messages"][descriptor.full_name] = {one.name: field(one) for one in descriptor.fields}
    for nested in descriptor.nested_types:
        collect(nested, out)
    for one in descriptor.enum_types:
        out["enums"][one.full_name] = enum(one)


def main():
    out = {"messages": {}, "enums": {}, "methods": {}}
    for file in (controller_pb2.DESCRIPTOR, common_pb2.DESCRIPTOR):
        for message in file.message_types_by_name.values():
            collect(message, out)
        for one in file.enum_types_by_name.values():
            out["enums"][one.full_name] = enum(one)
    collect(EnvironmentDefinition.DESCRIPTOR, out)
    for method in controller_pb2.DESCRIPTOR.services_by_name["IsolateController"].methods:
        out["methods"][method.name] = [
            method.input_type.full_name,
            method.client_streaming,
            method.output_type.full_name,
            method.server_streaming,
        ]
    json.dump(out, sys.stdout)


main()
