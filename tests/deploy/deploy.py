"""Deploys the template as a person would, by AWS's own client, into an emulator that checks signatures and rights.

    deploy.py ENDPOINT TEMPLATE STACK PARAMETER=VALUE…

Prints what came of it as JSON: the stack's resources, the task's containers, the policies of its role, and the key of
somebody who has these rights and no others.
"""

import json
import sys

import boto3

REGION = "eu-west-1"
SECRET = "mcp/slack-bot-token"
TOKEN = "the-token-that-they-had-before"

endpoint, template, stack, *parameters = sys.argv[1:]


def client(service):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


secrets = client("secretsmanager")
try:
    secrets.create_secret(Name=SECRET, SecretString=TOKEN)
except secrets.exceptions.ResourceExistsException:
    pass

given = dict(parameter.split("=", 1) for parameter in parameters)
cloudformation = client("cloudformation")
cloudformation.create_stack(
    StackName=stack,
    TemplateBody=open(template).read(),
    Capabilities=["CAPABILITY_IAM"],
    Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
)
cloudformation.get_waiter("stack_create_complete").wait(
    StackName=stack, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
)
resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
resources = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}

# As it is answered: the emulator leaves some names in the template's case, which AWS's client does not know.
answered = []
ecs = client("ecs")
ecs.meta.events.register("before-parse.ecs.*", lambda response_dict, **_: answered.append(response_dict["body"]))
ecs.describe_task_definition(taskDefinition=resources["Task"])
task = json.loads(answered[0])["taskDefinition"]

iam = client("iam")
role = resources["TaskRole"]
names = iam.list_role_policies(RoleName=role)["PolicyNames"]
policies = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
# The role is for ECS's tasks, so the test can't take it on: somebody has its rights instead.
user = f"{stack}-task"
iam.create_user(UserName=user)
for number, policy in enumerate(policies):
    iam.put_user_policy(UserName=user, PolicyName=f"p{number}", PolicyDocument=json.dumps(policy))
key = iam.create_access_key(UserName=user)["AccessKey"]

groups = client("ec2").describe_security_groups(GroupIds=[resources["SecurityGroup"]])["SecurityGroups"]
print(
    json.dumps(
        {
            "resources": resources,
            "outputs": cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", []),
            "containers": {container["name"]: container for container in task["containerDefinitions"]},
            "policies": policies,
            "key": [key["AccessKeyId"], key["SecretAccessKey"]],
            "ingress": groups[0]["IpPermissions"],
        },
        default=str,
    )
)
