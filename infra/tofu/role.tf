locals {
  notify_service = split(":", "${var.notify_target}::")[2]
  notify_action  = lookup({ sqs = "sqs:SendMessage", events = "events:PutEvents" }, local.notify_service, "sns:Publish")

  table = var.videos_table == "" ? "${var.name}-videos" : var.videos_table

  network_actions = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ]

  statements = concat(
    [
      { Sid = "ReadVideos", Action = "s3:GetObject", Resource = "${local.videos_bucket_arn}/*" },
      { Sid = "TellMissingVideosFromForbiddenOnes", Action = "s3:ListBucket", Resource = local.videos_bucket_arn },
      {
        Sid      = "KeepFrames"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = "${local.frames_bucket_arn}/*"
      },
      { Sid = "ListFrames", Action = "s3:ListBucket", Resource = local.frames_bucket_arn },
      { # Lambda does, in this role's name
        Sid      = "PollTheQueue"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        Resource = aws_sqs_queue.videos.arn
      },
      { Sid = "SendSlicesAndDeadLetters", Action = "sqs:SendMessage", Resource = [aws_sqs_queue.videos.arn, aws_sqs_queue.dead_letters.arn] },
      { # metrics are log lines, too
        Sid      = "WriteLogs"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${var.name}:*"
      },
    ],
    var.buckets_kms_key_arn == "" ? [] : [{
      Sid      = "UseTheBucketsKey"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = var.buckets_kms_key_arn
    }],
    local.uses_supabase ? [{
      Sid      = "ReadTheSupabaseKey"
      Action   = "secretsmanager:GetSecretValue"
      Resource = var.supabase_key_secret_arn
    }] : [],
    startswith(var.notify_target, "arn:") ? [{
      Sid      = "Announce"
      Action   = local.notify_action
      Resource = var.notify_target
    }] : [],
    var.notify_secret_arn == "" ? [] : [{
      Sid      = "ReadSigningKey"
      Action   = "secretsmanager:GetSecretValue"
      Resource = var.notify_secret_arn
    }],
    local.uses_dynamodb ? [{
      Sid      = "KeepState"
      Action   = "dynamodb:UpdateItem"
      Resource = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${local.table}"
    }] : [],
    var.kms_key_arn == "" ? [] : [{
      Sid      = "UseTheKeyOfQueues"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = var.kms_key_arn
    }],
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    var.kms_key_arn == "" || !local.uses_dynamodb ? [] : [{
      Sid = "UseTheKeyOfTheTable"
      Action = [
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
      ]
      Resource  = var.kms_key_arn
      Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.amazonaws.com" } }
    }],
    var.environment_kms_key_arn == "" ? [] : [{
      Sid      = "ReadTheEnvironment"
      Action   = "kms:Decrypt"
      Resource = var.environment_kms_key_arn
    }],
    var.tracing ? [{
      Sid      = "WriteTraces"
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      Resource = "*" # X-Ray knows no narrower resource
    }] : [],
    # Lambda asks for these on "*", to connect the function to the subnets; the code gets none of them.
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    local.in_vpc ? [{ Sid = "ConnectToSubnets", Action = local.network_actions, Resource = "*" }] : [],
    local.in_vpc ? [{
      Sid      = "ButNotTheCode"
      Effect   = "Deny"
      Action   = local.network_actions
      Resource = "*"
      Condition = {
        ArnEquals = {
          "lambda:SourceFunctionArn" = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}"
        }
      }
    }] : [],
  )
}

resource "aws_iam_role" "function" {
  name_prefix = "${var.name}-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "work" {
  name = "work"
  role = aws_iam_role.function.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in local.statements : merge({ Effect = "Allow" }, statement)]
  })
}
